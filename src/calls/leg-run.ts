import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { CallerIdentity, Leg, Outcome, Redirected } from '../dialplan/index.js';
import type { CallFacts, EndCause } from '../model/index.js';
import type { DialogEvents, Sdp } from '../signalling/index.js';
import type { LegSessions } from './call-media.js';
import type { Confirmation } from './confirmed-leg.js';
import type { AnsweredLeg, AttemptHost, EarlyProgress } from './leg-attempt.js';
import type { CallCapacity, DeviceLocations, OutboundTrunks } from './ports.js';

/** What every leg of a call needs to be tried. */
export interface LegContext {
  readonly attempts: AttemptHost;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly trunks: OutboundTrunks;
  readonly devices: DeviceLocations;
  readonly capacity: CallCapacity;
  readonly random: () => number;
  readonly facts: CallFacts;
  readonly identity: CallerIdentity;
  /** The caller's offer; undefined: delayed. */
  readonly offer: Sdp | undefined;
  /** Our INVITEs carry an offer: the caller's, or our own where media runs through us. */
  readonly hasOffer: boolean;
  readonly sessions: LegSessions;
  /** Asks who picked up to take the call. */
  readonly confirm: (leg: AnsweredLeg, signal: AbortSignal) => Promise<Confirmation>;
  /** The caller can take reliable provisionals: needed for an early offer of the callee when `offer` is undefined. */
  readonly callerTakesReliable: boolean;
  readonly maxForwards: number;
  /** Where a device of `extension` may send the call on to. */
  readonly redirect: (extension: string, dialled: string, leg: Leg) => Redirected;
  /** Domain of our own addresses. */
  readonly domain: string;
}

/** How one leg of a group ended without an answer. */
export interface LegFailure {
  readonly outcome: Outcome;
  readonly status?: number;
  readonly cause: EndCause;
}

/** Who started the leg hears of it; `answered` and `failed` come once, and nothing after `cancel`. */
export interface LegListener {
  progress(progress: EarlyProgress): void;
  answered(leg: AnsweredLeg): DialogEvents;
  failed(failure: LegFailure): void;
}

/** One leg of a group under way: a device with its bindings, or trunks with their destinations. */
export interface LegRun {
  start(): void;
  cancel(cause: EndCause): void;
  /** Whether more than one INVITE may ring at once. */
  readonly forks: boolean;
}

/** One leg as it is started: `deadline` is monotonic. */
export interface LegTask {
  readonly leg: Leg;
  readonly context: LegContext;
  readonly deadline: number;
  /** Redirections of phones that may still be followed, shared by all that one leg leads to. */
  readonly redirects: { left: number };
  /** A leg that takes this one's place. */
  follow(leg: Leg, listener: LegListener): LegRun;
  readonly listener: LegListener;
}
