import { serializeForControl, type SipMessage } from '../../sip/index.js';
import type { Apps } from '../control/apps.js';
import { cdrFrame } from '../control/frames.js';

export type CdrSource = 'network' | 'application';
export type CdrRole = 'uac' | 'uas' | 'proxy-uac' | 'proxy-uas';
export type CdrEnd =
  | 'call-rejected'
  | 'call-canceled'
  | 'normal-release'
  | 'session-expired'
  | 'ackbye'
  | 'system-initiated-termination'
  | 'system-error-initiated-termination';

/** Tells one of the applications that asked for it of attempts, starts and ends of calls. */
export interface Cdr {
  attempt(source: CdrSource, invite: SipMessage): void;
  start(source: CdrSource, role: CdrRole, response: SipMessage): void;
  stop(source: CdrSource, why: CdrEnd, message: SipMessage): void;
}

/** `enabled` is false by default, as in the reference. */
export function createCdr(apps: Apps, enabled: boolean, now: () => number): Cdr {
  if (!enabled) return { attempt: () => undefined, start: () => undefined, stop: () => undefined };
  const send = (
    event: 'attempt' | 'start' | 'stop',
    source: CdrSource,
    detail: string,
    message: SipMessage,
  ): void => {
    const app = apps.pick(`cdr:${event}`);
    app?.send(cdrFrame(event, source, now(), detail, serializeForControl(message)));
  };
  return {
    attempt: (source, invite) => send('attempt', source, '', invite),
    start: (source, role, response) => send('start', source, role, response),
    stop: (source, why, message) => send('stop', source, why, message),
  };
}
