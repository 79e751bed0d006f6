import type { EndCause } from '../model/index.js';
import type { SipRequest, SipResponse } from '../sip/index.js';

/**
 * The signalling port: legs instead of pairs. SDP is opaque here. Expected outcomes are values; each promise settles once, by a
 * deadline. Listeners go in with the call, so that no event is missed. Specs are plain data.
 */
export type Sdp = string;
/**
 * Order and repeats are kept. A name that is no token and CR, LF, NUL or `|` in a value are refused: the call they were given to throws
 * `AppError` SIP_INVALID, and nothing is sent. Via, CSeq, Call-ID, Record-Route, Content-Length, RSeq and RAck are left out: they
 * are the engine's.
 */
export type Headers = readonly (readonly [name: string, value: string])[];
/** Idempotent; the answer only after an INVITE without an offer. */
export type Ack = (answer?: Sdp) => void;
export type LegId = string;
/** The To tag of an early dialog. */
export type ForkId = string;

export interface Source {
  readonly address: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  /** Local `address:port` it arrived on. */
  readonly listener: string;
}

export interface Signalling {
  start(on: SignallingEvents): Promise<void>;
  /** From now on OPTIONS and new INVITEs get 503 with Retry-After; resolves at once. Legs go on. */
  drain(): Promise<void>;
  /** Ends the legs that are left, waits a moment for the answers to their BYEs, and closes. */
  stop(): Promise<void>;
  /** Throws SIP_INVALID; all else is told to `on`, never before this has returned. */
  dial(spec: DialSpec, on: AttemptEvents): Attempt;
  /** REGISTER, OPTIONS, NOTIFY, MESSAGE outside a dialog, and NOTIFY in that of a SUBSCRIBE we took. Throws SIP_INVALID. */
  request(spec: RequestSpec): Promise<RequestOutcome>;
  /** Bans, access list and rates for the gate, which runs before parsing. */
  screen(rules: GateRules): void;
  /** Where we listen, as `udp/127.0.0.1:5060`. */
  listeners(): readonly string[];
}

export interface SignallingEvents {
  /** Synchronous, so that a CANCEL cannot slip between. */
  invite(call: IncomingCall): IncomingCallEvents;
  /** REGISTER, OPTIONS, SUBSCRIBE, MESSAGE …; unanswered in 10 s: 500. */
  request(request: IncomingRequest): void;
  engine(state: 'up' | 'down' | 'dialogs-lost', engineId: string): void;
}

export interface IncomingRequest {
  readonly request: SipRequest;
  readonly source: Source;
  /** Of SUBSCRIBE: the dialog that a 2xx makes, or the one it belongs to. */
  readonly dialog?: DialogRef;
  /** Idempotent: the first answer counts. */
  respond(answer: { status: number; reason?: string; headers?: Headers; body?: Body }): void;
}

/** Names the dialog of a subscription. Who forgets it owes nothing: it ends with its time. */
export interface DialogRef {
  readonly id: string;
  readonly engineId: string;
}

export interface Body {
  readonly type: string;
  readonly text: string;
}

/** A call that came in. Let go of it once it is answered: it holds the message it came with, the dialog holds none. */
export interface IncomingCall {
  readonly id: LegId;
  readonly request: SipRequest;
  readonly source: Source;
  /** Undefined: delayed offer. */
  readonly offer: Sdp | undefined;
  /**
   * Waits for PRACK where reliable (which it is without being asked for, where the caller requires it); `answer` is the SDP in it, if
   * any. `unsupported`: nothing was sent. An unreliable one is repeated every minute until the final answer.
   */
  progress(p: {
    status: 180 | 181 | 182 | 183;
    sdp?: Sdp;
    reliable?: boolean;
    headers?: Headers;
  }): Promise<ProgressOutcome>;
  /**
   * `on` may be told of the dialog, its end even, before the promise resolves. A reliable provisional that is outstanding comes first.
   *
   * Resolves once the 200 is sent; call it after the record is durable. Delayed offer: `sdp` is ours, `acknowledged` brings theirs.
   * `sdp` is `''` where a reliable provisional has given the answer already (RFC 3262 §5): the session stays as agreed.
   */
  answer(a: { sdp: Sdp; headers?: Headers; timer?: SessionTimer }, on: DialogEvents): Promise<AnswerOutcome>;
  /** An UPDATE before the answer, where offer and answer are through in a reliable provisional (RFC 3311 §5.1). */
  change(offer: Sdp): Promise<EarlyChangeOutcome>;
  /** 300–699; idempotent; ignored after an answer. */
  reject(r: { status: number; reason?: string; headers?: Headers }): void;
}

export type ProgressOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'acknowledged'; readonly answer: Sdp | undefined }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'gone' };

export type AnswerOutcome =
  | { readonly kind: 'dialog'; readonly dialog: Dialog }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'engine-lost' };

export interface IncomingCallEvents {
  /** CANCEL, or the transaction died before an answer. The 487 is already sent. */
  cancelled(reason: EndCause): void;
  /** UPDATE before the 200. */
  earlyChange(change: Change): void;
}

/** Negotiated per leg (RFC 4028). */
export interface SessionTimer {
  /** Session-Expires we ask for, or accept at most, in seconds; at least `minS`. */
  readonly expiresS: number;
  /** Min-SE, at least 90. */
  readonly minS: number;
  readonly refresher?: 'uac' | 'uas';
}

export interface Address {
  readonly uri: string;
  readonly display?: string;
}

export interface DialSpec {
  /** Request-URI. */
  readonly target: string;
  /** RFC 3263 name or address (a `sip:` URI) when it differs from the target: an outbound proxy, or the observed source of a registration. */
  readonly nextHop?: string;
  /** Route headers to carry (Path of a registration, RFC 3327). */
  readonly routes?: readonly string[];
  /** Name of the listener to leave from; an engine that cannot choose takes the one that fits the target. */
  readonly listener?: string;
  readonly engineId?: string;
  readonly from: Address;
  readonly to: Address;
  readonly headers: Headers;
  /** Carried over from the caller, less one. */
  readonly maxForwards: number;
  readonly offer?: Sdp;
  readonly rel100: 'off' | 'supported' | 'required';
  readonly timer?: SessionTimer;
  readonly replaces?: string;
  /**
   * No reply at all (not even 100) in this time: `unreachable / no-reply`. Milliseconds. A drachtio-server keeps the 100 to itself, so
   * that there its own timeout counts.
   */
  readonly firstReplyMs: number;
  /** No final answer in this time: CANCEL, `no-answer`. Milliseconds. */
  readonly answerMs: number;
  readonly credentials?: Credentials;
}

/** What we may answer a challenge with; never for another realm than `realm`, if given. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly realm?: string;
}

export interface Attempt {
  readonly id: LegId;
  /** Call-ID of the leg. */
  readonly sipCallId: string;
  /** An UPDATE before the answer, where there is one early dialog, and offer and answer are through in it (RFC 3311 §5.1). */
  change(offer: Sdp): Promise<EarlyChangeOutcome>;
  /** Any time; `settled` is told soon after, and nothing from then on. A crossing 200 gets ACK and BYE. */
  cancel(reason?: EndCause): void;
}

export interface AttemptEvents {
  /** 101–199; reliable: call `prack` (with the answer, when the INVITE had no offer). */
  provisional(p: { status: number; fork: ForkId; sdp?: Sdp; prack?: Ack; response: SipResponse }): void;
  earlyChange(change: Change, fork: ForkId): void;
  /** Exactly once; surplus forks are ended below. For `answered` the listeners of the dialog are returned. */
  settled(outcome: AttemptOutcome): DialogEvents | undefined;
}

export type AttemptOutcome =
  /** Ordinary offer: acknowledged already. Offerless INVITE: `ack(answer)` is to be called. */
  | {
      readonly kind: 'answered';
      readonly dialog: Dialog;
      readonly fork: ForkId;
      readonly sdp: Sdp;
      readonly ack: Ack;
      readonly response: SipResponse;
    }
  /** 3xx included: following it is routing's choice. */
  | { readonly kind: 'refused'; readonly response: SipResponse }
  | { readonly kind: 'unreachable'; readonly why: 'no-reply' | 'transport' | 'dns' | 'engine-lost' }
  | { readonly kind: 'no-answer' }
  | { readonly kind: 'cancelled' };

export interface Dialog {
  readonly id: LegId;
  readonly state: 'confirmed' | 'ending' | 'ended';
  /** Whether the far side means this dialog by a Replaces (RFC 3891): `toTag` is ours, `fromTag` its own. */
  isNamedBy(replaces: { readonly callId: string; readonly toTag: string; readonly fromTag: string }): boolean;
  /** re-INVITE (default) or UPDATE; one at a time, 491 retried by §14.1, a refused one leaves the session as it was. No offer: asks for one. */
  change(c: { offer?: Sdp; by?: 'invite' | 'update' }): Promise<ChangeOutcome>;
  request(r: {
    method: 'INFO' | 'REFER' | 'NOTIFY' | 'MESSAGE' | 'OPTIONS';
    headers?: Headers;
    body?: Body;
  }): Promise<RequestOutcome>;
  /** Reason header from the cause; idempotent. `ended` is told soon after; the promise waits for the answer, 34 s at most. */
  bye(cause?: EndCause): Promise<void>;
}

export type ChangeOutcome =
  | { readonly kind: 'accepted'; readonly sdp: Sdp; readonly ack: Ack }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'gone' };

/** `unable`: nothing was sent, since this early dialog takes no change of ours. */
export type EarlyChangeOutcome = ChangeOutcome | { readonly kind: 'unable' };

export interface DialogEvents {
  /** The ACK of our 200: with their SDP when the INVITE had no offer. */
  acknowledged(answer: Sdp | undefined): void;
  /** Hold, codec change, offerless re-INVITE; session refreshes with the same SDP are answered below. */
  change(change: Change): void;
  /** INFO (DTMF), REFER, NOTIFY …; nothing is answered by default. */
  request(request: IncomingRequest): void;
  /**
   * Exactly once, and the last that is told; for a BYE of ours with its own cause. Kinds from here: `normal`, `cancelled`,
   * `ack-timeout`, `session-expired`, `peer-gone` (it knows the dialog no more), `engine-lost`, `engine-ended`, `drained`.
   */
  ended(cause: EndCause): void;
}

export interface Change {
  /** Undefined: they ask us for an offer. */
  readonly offer: Sdp | undefined;
  /** Resolves with their answer (from the ACK) when there was no offer. */
  accept(sdp: Sdp): Promise<Sdp | undefined>;
  /** 504: it cannot be changed without asking somebody first (RFC 3311 §5.2). */
  reject(status: 488 | 491 | 500 | 504): void;
}

export interface RequestSpec {
  readonly method: 'REGISTER' | 'OPTIONS' | 'NOTIFY' | 'MESSAGE' | 'SUBSCRIBE' | 'PUBLISH';
  readonly target: string;
  readonly nextHop?: string;
  readonly routes?: readonly string[];
  readonly listener?: string;
  readonly engineId?: string;
  readonly from: Address;
  readonly to: Address;
  readonly headers?: Headers;
  readonly body?: Body;
  readonly credentials?: Credentials;
  /** NOTIFY of a subscription: target, hops, From and To are those of the dialog then. `gone`: it is over. */
  readonly dialog?: DialogRef;
  /** Default 32 s. */
  readonly timeoutMs?: number;
}

export type RequestOutcome =
  | { readonly kind: 'response'; readonly response: SipResponse }
  | { readonly kind: 'unreachable'; readonly why: 'no-reply' | 'transport' | 'dns' | 'engine-lost' }
  | { readonly kind: 'gone' };

/** Plain data for the gate in the SIP worker. */
export interface GateRules {
  /** CIDR blocks whose packets pass all rates: trunks and `border.allow`. */
  readonly trusted: readonly string[];
  /** CIDR blocks dropped unread. */
  readonly denied: readonly string[];
  /** Banned addresses with their end, milliseconds since the epoch. */
  readonly banned: readonly { readonly address: string; readonly until: number }[];
  readonly unknownRate: {
    readonly perSourcePerS: number;
    readonly burst: number;
    readonly totalPerS: number;
  };
  readonly observe: boolean;
}
