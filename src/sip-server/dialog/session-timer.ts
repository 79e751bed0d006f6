import type { Timer } from '../../base/clock.js';
import {
  formatSessionExpires,
  parseMinSe,
  parseSessionExpires,
  type SipRequest,
  type SipResponse,
} from '../../sip/index.js';
import { newUuid, randomHex } from '../../base/ids.js';
import type { ClientCall } from './client-call.js';
import { composeInDialog } from './compose.js';
import type { Core } from './core.js';
import type { Dialog, Leg } from './dialog.js';
import { sendServerBye } from './ending.js';
import { destinationOf, sendAck } from './in-dialog-send.js';

/**
 * Session timers (RFC 4028) kept by the server. The rule needs no header of its own: the server acts only on what the last 2xx to INVITE or
 * UPDATE says. Session-Expires with us as refresher: a re-INVITE with the last local session description at half time, unseen by the
 * application. With them: a BYE when they have not refreshed in time. No Session-Expires: nothing. Applications that keep timers themselves
 * switch this off (`sessionTimers: 'application'`).
 */
export interface AgreedTimer {
  readonly seconds: number;
  readonly refresher: 'us' | 'them';
}

export interface SessionTimerState {
  /** The description a refresh repeats; '' while we have given none. */
  localSdp: string;
  stop(): void;
}

/** Shorter intervals than RFC 4028 allows (90 s) are kept as they stand, but not below this. */
const LEAST_SECONDS = 20;
const EXPIRED = 'Session timer expired';

/** What a 2xx agrees on, for the side we are on in that transaction. */
export function agreedTimer(core: Core, response: SipResponse, side: 'uac' | 'uas'): AgreedTimer | undefined {
  if (core.settings.sessionTimers === 'application') return undefined;
  const value = parseSessionExpires(response.headers.get('Session-Expires') ?? '');
  if (value === undefined) return undefined;
  return {
    seconds: Math.max(value.seconds, LEAST_SECONDS),
    refresher: (value.refresher ?? 'uac') === side ? 'us' : 'them',
  };
}

/** Puts the Session-Expires of the request on our 2xx when the application has not (RFC 4028 §9), and says what is agreed. */
export function echoSessionExpires(
  core: Core,
  request: SipRequest,
  response: SipResponse,
): AgreedTimer | undefined {
  if (core.settings.sessionTimers === 'application') return undefined;
  if (!response.headers.has('Session-Expires')) {
    const asked = parseSessionExpires(request.headers.get('Session-Expires') ?? '');
    if (asked === undefined) return undefined;
    const understood = request.headers.list('Supported').some((tag) => tag.toLowerCase() === 'timer');
    const refresher = understood ? (asked.refresher ?? 'uac') : 'uas';
    response.headers.add('Session-Expires', formatSessionExpires({ seconds: asked.seconds, refresher }));
    if (refresher === 'uac') response.headers.add('Require', 'timer');
  }
  return agreedTimer(core, response, 'uas');
}

/** Begins to keep what was agreed; replaces what was agreed before. `localSdp` '': as before. */
export function watchSession(
  core: Core,
  dialog: Dialog,
  leg: Leg,
  agreed: AgreedTimer | undefined,
  localSdp: string,
): void {
  const before = dialog.sessionTimer;
  before?.stop();
  dialog.sessionTimer = undefined;
  if (agreed === undefined || dialog.ended || dialog.kind !== 'INVITE') return;
  const sdp = localSdp === '' ? (before?.localSdp ?? '') : localSdp;
  dialog.sessionTimer =
    agreed.refresher === 'us'
      ? refreshing(core, dialog, leg, agreed.seconds, sdp)
      : expecting(core, dialog, leg, agreed.seconds, sdp);
}

function expecting(
  core: Core,
  dialog: Dialog,
  leg: Leg,
  seconds: number,
  localSdp: string,
): SessionTimerState {
  // RFC 4028 §10: the side that waits ends the session a little before the interval does.
  const waitMs = (seconds - Math.min(32, seconds / 3)) * 1000;
  const timer = core.clock.after(waitMs, () => sendServerBye(core, dialog, leg, EXPIRED, 'session-expired'));
  return { localSdp, stop: () => timer.clear() };
}

function refreshing(
  core: Core,
  dialog: Dialog,
  leg: Leg,
  seconds: number,
  localSdp: string,
): SessionTimerState {
  const expiresAt = core.clock.monotonic() + seconds * 1000;
  let timer: Timer;
  const state: SessionTimerState = { localSdp, stop: () => timer.clear() };
  const later = (ms: number): void => {
    timer.clear();
    timer = core.clock.after(ms, attempt);
  };
  const attempt = (): void => {
    if (dialog.ended || dialog.sessionTimer !== state) return;
    if (core.clock.monotonic() >= expiresAt)
      return sendServerBye(core, dialog, leg, EXPIRED, 'session-expired');
    // An INVITE in either direction comes first (RFC 3261 §14.1); it may refresh the session too.
    if (leg.offerOut !== undefined || leg.inviteIn !== undefined || leg.awaitedAck !== undefined)
      return later(2000);
    sendRefresh(core, dialog, leg, { seconds, localSdp: state.localSdp, again: later });
  };
  timer = core.clock.after((seconds / 2) * 1000, attempt);
  return state;
}

interface Refresh {
  readonly seconds: number;
  readonly localSdp: string;
  readonly again: (ms: number) => void;
}

function sendRefresh(core: Core, dialog: Dialog, leg: Leg, refresh: Refresh): void {
  // Without a description of ours an INVITE would ask for an offer that nobody here can answer.
  const method = refresh.localSdp === '' ? 'UPDATE' : 'INVITE';
  const cseq = ++leg.localSeq;
  const request = composeInDialog(dialog, leg, method, cseq);
  request.headers.add('Supported', 'timer');
  request.headers.add(
    'Session-Expires',
    formatSessionExpires({ seconds: refresh.seconds, refresher: 'uac' }),
  );
  if (method === 'INVITE') {
    request.headers.add('Content-Type', 'application/sdp');
    request.body = refresh.localSdp;
  }
  const call: ClientCall = {
    txnId: newUuid(),
    method,
    cseq,
    app: undefined,
    dialog,
    leg,
    tx: undefined,
    cancelled: false,
    done: false,
  };
  leg.offerOut = call;
  const over = (): void => {
    call.done = true;
    if (leg.offerOut === call) leg.offerOut = undefined;
  };
  call.tx = core.layer.send(request, destinationOf(dialog, leg), {
    response: (response) => {
      if (response.status < 200) return;
      const repeated = call.done;
      over();
      if (response.status < 300) {
        if (method === 'INVITE') sendAck(core, dialog, leg, cseq, undefined);
        if (!repeated) refreshed(core, dialog, leg, response);
      } else if (!repeated) {
        refused(core, dialog, leg, response, refresh);
      }
      if (!repeated) leg.drainQueue?.();
    },
    failed: () => {
      over();
      sendServerBye(core, dialog, leg, EXPIRED, 'session-expired');
    },
  });
}

function refreshed(core: Core, dialog: Dialog, leg: Leg, response: SipResponse): void {
  const target = response.contact?.uri;
  if (target !== undefined) leg.remoteTarget = target;
  watchSession(core, dialog, leg, agreedTimer(core, response, 'uac'), '');
}

function refused(core: Core, dialog: Dialog, leg: Leg, response: SipResponse, refresh: Refresh): void {
  switch (response.status) {
    case 408:
    case 481:
      return sendServerBye(core, dialog, leg, EXPIRED, 'session-expired');
    case 422: {
      // RFC 4028 §7.4: again with at least what they ask for.
      const least = parseMinSe(response.headers.get('Min-SE') ?? '') ?? refresh.seconds;
      if (least > refresh.seconds && least <= 86_400) {
        return sendRefresh(core, dialog, leg, { ...refresh, seconds: least });
      }
      return refresh.again(2000);
    }
    case 491:
      // RFC 3261 §14.1: whoever owns the Call-ID waits longer.
      return refresh.again(
        (dialog.role === 'uac' ? 2100 : 0) + (Number.parseInt(randomHex(1), 16) % 190) * 10,
      );
    default:
      return refresh.again(Math.min(30, refresh.seconds / 8) * 1000);
  }
}
