import type { Clock, Timer } from '../base/clock.js';
import {
  formatSessionExpires,
  parseMinSe,
  parseSessionExpires,
  type SessionExpires,
  type SipMessage,
} from '../sip/index.js';
import type { SessionTimer } from './port.js';

/** Smallest session interval anybody may ask for, in seconds (RFC 4028 §4). */
export const SMALLEST_SESSION_S = 90;

/** What a message says about the session timer. */
export interface TimerFacts {
  readonly supported: boolean;
  readonly expires: SessionExpires | undefined;
  /** Min-SE, in seconds; 90 when absent. */
  readonly minS: number;
}

/** What two sides agreed on. */
export interface AgreedTimer {
  readonly seconds: number;
  readonly weRefresh: boolean;
}

export function timerFacts(message: SipMessage): TimerFacts {
  const expires = message.headers.get('Session-Expires');
  const minSe = message.headers.get('Min-SE');
  return {
    supported: hasTag(message, 'Supported', 'timer') || hasTag(message, 'Require', 'timer'),
    expires: expires === undefined ? undefined : parseSessionExpires(expires),
    minS: Math.max(SMALLEST_SESSION_S, (minSe === undefined ? undefined : parseMinSe(minSe)) ?? 0),
  };
}

/** Whether a list header has an option tag. */
export function hasTag(message: SipMessage, name: string, tag: string): boolean {
  if (!message.headers.has(name)) return false;
  return message.headers.list(name).some((value) => value.toLowerCase() === tag);
}

/** A request asks for less than anybody may: 422 with Min-SE, if it would understand that (RFC 4028 §9). */
export function isTooSmall(facts: TimerFacts): boolean {
  return facts.supported && facts.expires !== undefined && facts.expires.seconds < SMALLEST_SESSION_S;
}

/** What goes into our 2xx, and what follows for us (RFC 4028 §9, table 2). */
export function answerTimer(
  facts: TimerFacts,
  ours: SessionTimer | undefined,
): { lines: string; timer: AgreedTimer | undefined } {
  const asked = facts.expires;
  if (asked === undefined && ours === undefined) return { lines: '', timer: undefined };
  const smallest = Math.max(facts.minS, ours?.minS ?? 0);
  const wanted = Math.max(smallest, ours?.expiresS ?? Number.POSITIVE_INFINITY);
  // Never longer than asked for, and never shorter than anybody may have it.
  const seconds = Math.max(SMALLEST_SESSION_S, Math.min(wanted, asked?.seconds ?? wanted));
  // A caller that knows no timers cannot refresh; one that named a refresher has decided.
  const refresher = facts.supported
    ? (asked?.refresher ?? ours?.refresher ?? (asked === undefined ? 'uas' : 'uac'))
    : 'uas';
  const require = facts.supported ? 'Require: timer\r\n' : '';
  return {
    lines: `Session-Expires: ${formatSessionExpires({ seconds, refresher })}\r\n${require}`,
    timer: { seconds, weRefresh: refresher === 'uas' },
  };
}

/** What goes into an INVITE of ours; `raisedTo` after a 422. */
export function askTimer(ours: SessionTimer | undefined, raisedTo: number): string {
  if (ours === undefined) return '';
  const minS = Math.max(SMALLEST_SESSION_S, ours.minS, raisedTo);
  const seconds = Math.max(ours.expiresS, minS);
  const value = formatSessionExpires(
    ours.refresher === undefined ? { seconds } : { seconds, refresher: ours.refresher },
  );
  return `Session-Expires: ${value}\r\nMin-SE: ${minS}\r\n`;
}

/** What goes into a re-INVITE or UPDATE of ours: the roles stay as they are (RFC 4028 §7.4). */
export function keepTimer(timer: AgreedTimer | undefined, raisedTo = 0): string {
  if (timer === undefined) return '';
  const seconds = Math.max(timer.seconds, raisedTo);
  const value = formatSessionExpires({ seconds, refresher: timer.weRefresh ? 'uac' : 'uas' });
  return `Session-Expires: ${value}\r\nMin-SE: ${Math.max(SMALLEST_SESSION_S, raisedTo)}\r\n`;
}

/** What a 2xx to a request of ours agrees to; undefined: no timer runs. */
export function agreedTimer(response: SipMessage): AgreedTimer | undefined {
  const { expires } = timerFacts(response);
  if (expires === undefined) return undefined;
  // A 2xx must name the refresher; where it does not, refreshing is the side that harms nobody.
  return { seconds: Math.max(expires.seconds, SMALLEST_SESSION_S), weRefresh: expires.refresher !== 'uas' };
}

/**
 * When to refresh, in milliseconds from now. RFC 4028 §10 recommends half the interval. An engine may run a timer of its own: the
 * reference drachtio-server starts one at each 2xx to an INVITE that it sees with a Session-Expires, and refreshes by itself, unseen
 * by us, at half the interval give or take five seconds. So we always go a little earlier. Our refresh restarts the engine's timer,
 * which therefore never fires while we are well; if we are not, it is the safety net. The rule needs no knowledge of the engine but
 * one: the reference restarts its timer at a re-INVITE only, so there we refresh by re-INVITE (`EngineTraits.updateRefreshes`).
 */
export function refreshDelayMs(seconds: number): number {
  return (seconds / 2 - Math.min(8, seconds / 10)) * 1000;
}

/** When to give up on a far side that should have refreshed (RFC 4028 §10), in milliseconds: a second before an engine would. */
export function expiryDelayMs(seconds: number): number {
  return (seconds - Math.min(32, seconds / 3) - 1) * 1000;
}

interface KeeperEvents {
  readonly refresh: () => void;
  readonly expired: () => void;
}

/** Runs the timer of one dialog. */
export class SessionKeeper {
  readonly #clock: Clock;
  readonly #on: KeeperEvents;
  #timer: AgreedTimer | undefined;
  #handle: Timer | undefined;
  /** On the monotonic clock. */
  #expiresAt = 0;

  constructor(clock: Clock, on: KeeperEvents) {
    this.#clock = clock;
    this.#on = on;
  }

  get timer(): AgreedTimer | undefined {
    return this.#timer;
  }

  /** Starts anew; `undefined` ends it. */
  arm(timer: AgreedTimer | undefined): void {
    this.stop();
    this.#timer = timer;
    if (timer === undefined) return;
    this.#expiresAt = this.#clock.monotonic() + expiryDelayMs(timer.seconds);
    if (timer.weRefresh) this.#handle = this.#clock.after(refreshDelayMs(timer.seconds), this.#on.refresh);
    else this.#handle = this.#clock.after(expiryDelayMs(timer.seconds), this.#on.expired);
  }

  /** A refresh failed in passing: once more at half of what is left, until the session expires. */
  retry(): void {
    if (this.#timer === undefined) return;
    this.#handle?.clear();
    const left = this.#expiresAt - this.#clock.monotonic();
    if (left < 5000) this.#handle = this.#clock.after(Math.max(0, left), this.#on.expired);
    else this.#handle = this.#clock.after(left / 2, this.#on.refresh);
  }

  stop(): void {
    this.#handle?.clear();
    this.#handle = undefined;
    this.#timer = undefined;
  }
}
