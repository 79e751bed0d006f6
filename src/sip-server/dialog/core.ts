import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import type { Apps } from '../control/apps.js';
import type { TransactionLayer } from '../transaction/types.js';
import type { Cdr } from './cdr.js';
import type { ClientCalls } from './client-call.js';
import type { Guard } from './guard.js';
import type { PendingRequests } from './pending.js';
import type { DialogTable } from './table.js';

/** Settings of dialogs and control, all defaults filled in. */
export interface CoreSettings {
  /** `server`: RFC 4028 is kept by the server where a 2xx carries Session-Expires; `application`: the applications do it. */
  readonly sessionTimers: 'server' | 'application';
  /** 100 Trying goes to the application too, which then knows that the far side lives. */
  readonly passTrying: boolean;
  /** Types of body understood in an INVITE, in lower case; undefined: all. */
  readonly bodies: readonly string[] | undefined;
  /** Dialogs alive at once; a request that would make one more is answered 503. */
  readonly maxDialogs: number;
  /** How long dialogs outlive the connection of their application. Milliseconds. */
  readonly appGraceMs: number;
  /** T1 of RFC 3261: first retransmission of a reliable provisional response. Milliseconds. */
  readonly t1Ms: number;
  /** 64 × T1: when a message that was never acknowledged is given up. Milliseconds. */
  readonly timeoutMs: number;
  /** User-Agent of requests and Server of responses the server makes by itself. */
  readonly userAgent: string | undefined;
}

/** What the parts of the server above the transactions share. */
export interface Core {
  /** Its callbacks, and the timers of `clock`, are guarded. */
  readonly layer: TransactionLayer;
  readonly guard: Guard;
  readonly apps: Apps;
  readonly dialogs: DialogTable;
  readonly pending: PendingRequests;
  readonly calls: ClientCalls;
  readonly cdr: Cdr;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: CoreSettings;
}
