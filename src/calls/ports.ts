import type { Ivr, PromptResolver, Voicemail, Announcements } from '../ivr/index.js';
import type { MediaEngine } from '../media/index.js';
import type {
  CallRecord,
  CallRecordingRecord,
  LegRecord,
  TrunkDestination,
  TrunkSettings,
  Verdict,
} from '../model/index.js';
import type { BorderCall } from '../routing/index.js';
import type { Address, Credentials, Headers } from '../signalling/index.js';

/** Room `store`: `store.records`. */
export interface CallRecords {
  /** Row for a call that begins; written with the next group commit. */
  open(record: CallRecord): void;
  update(id: string, patch: Partial<CallRecord>): void;
  /**
   * Resolves once the start of the answered call is on disk; the 200 waits for it. Our store never rejects: while nothing can be written
   * it resolves at once, so that calls go on. Should one reject, the call is refused with 503.
   */
  answered(id: string, patch: Partial<CallRecord>): Promise<void>;
  close(id: string, patch: Partial<CallRecord>): void;
  /** When the attempt's INVITE leaves. */
  openLeg(leg: LegRecord): void;
  updateLeg(id: string, patch: Partial<LegRecord>): void;
}

/** Gives taken capacity back, once; `answeredMs` is how long the call or leg was connected (0: never), for minutes a day. */
export type Release = (answeredMs: number) => void;

/** Room `border`: capacity of calls that come in, and permission and capacity of legs that go out. */
export interface CallCapacity {
  /** After an admitted `checkCall`. Never refuses. */
  callStarted(call: BorderCall): Release;
  /** One leg towards a trunk: limits of that trunk, denied prefixes, calls an hour of the caller. Emergency legs are admitted. */
  legStarted(leg: OutboundLeg): LegAdmission;
}

interface OutboundLeg {
  readonly trunk: TrunkSettings;
  /** E.164 or digits. */
  readonly number: string;
  readonly caller?: string;
  /** Extension that calls, for internal calls. */
  readonly extension?: string;
  readonly emergency: boolean;
}

type LegAdmission =
  | { readonly kind: 'admit'; readonly release: Release }
  | { readonly kind: 'refuse'; readonly verdict: Extract<Verdict, { kind: 'refuse' }> };

/** Room `trunks`: where a call to a trunk may go, in what form. */
export interface OutboundTrunks {
  get(name: string): TrunkSettings | undefined;
  /** In order of priority and weight, those marked down last; empty: nowhere to go. */
  destinations(trunk: string, random: () => number): readonly OutboundDestination[];
  /** Passive health: the attempt got a reply (any but 503), or none. */
  noteResult(trunk: string, uri: string, ok: boolean): void;
  /** Number and caller-ID rules of the trunk applied. */
  buildOutbound(request: OutboundRequest): OutboundForm;
}

export type OutboundDestination = TrunkDestination & { readonly down?: boolean };

export interface OutboundRequest {
  readonly trunk: TrunkSettings;
  /** The destination's URI. */
  readonly destination: string;
  /** E.164, digits of an extension, or an emergency number. */
  readonly number: string;
  readonly identity: OutboundIdentity;
  /** The call goes to an extension behind a PBX: its name is sent as it is. */
  readonly extension?: string;
  readonly emergency: boolean;
}

/** Who to show as the caller. `anonymous`: From is anonymous.invalid with Privacy: id; `number` is kept for P-Asserted-Identity. */
export interface OutboundIdentity {
  /** `local-presence`: the trunk's number nearest to the called one, else as `keep`. */
  readonly mode: 'keep' | 'number' | 'anonymous' | 'local-presence';
  /** E.164 or digits of an extension; undefined when the caller withheld it. */
  readonly number?: string;
  readonly name?: string;
  readonly anonymous: boolean;
  /** For Diversion where the trunk wants it. */
  readonly divertedFrom?: string;
}

export type OutboundForm =
  | {
      readonly kind: 'form';
      readonly target: string;
      readonly nextHop?: string;
      readonly from: Address;
      readonly to: Address;
      readonly headers: Headers;
      /** Answers a challenge of the carrier (trunks we register with). */
      readonly credentials?: Credentials;
    }
  /** The number cannot be written in this trunk's form. */
  | { readonly kind: 'invalid-number'; readonly why: string };

/** Room `registrar`: where a device is now. */
export interface DeviceLocations {
  /** Current bindings, newest first; empty: not registered. */
  bindingsOf(device: string): readonly DeviceBinding[];
}

export interface DeviceBinding {
  /** Request-URI. */
  readonly contact: string;
  /** Route set from Path (RFC 3327). */
  readonly path: readonly string[];
  /** Observed source as `sip:address:port;transport=udp`: the next hop, for devices behind NAT. */
  readonly source: string;
  /** Listener it registered on. */
  readonly listener?: string;
}

/** Asks an outside service (the step `webhook`). */
export interface WebhookClient {
  /** Never rejects; aborts when `signal` does. */
  call(request: WebhookRequest, signal: AbortSignal): Promise<WebhookReply>;
}

export interface WebhookRequest {
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
  /** Signs the body: `X-Trunkline-Signature: t=…,v1=HMAC-SHA-256`. */
  readonly secret?: string;
}

export type WebhookReply =
  | { readonly kind: 'reply'; readonly body: unknown }
  | { readonly kind: 'failed'; readonly outcome: 'timeout' | 'refused' | 'invalid'; readonly why: string };

/** What the world is told of calls as they go (API events, metrics). Must not throw. */
export interface CallEvent {
  readonly kind: 'started' | 'ringing' | 'answered' | 'ended' | 'emergency';
  readonly call: RunningCall;
}

/** A running call as the API lists it. */
export interface RunningCall {
  readonly id: string;
  readonly state: 'ringing' | 'answered' | 'ended';
  readonly caller: string;
  readonly dialed: string;
  readonly trunk?: string;
  readonly extension?: string;
  /** Extension, trunk or step it is at. */
  readonly destination?: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly answeredAt?: number;
  /** Legs that exist now, the caller's included. */
  readonly legs: number;
}

/** Everything that is heard: the media engine, and what is played and asked over it. */
export interface MediaParts {
  readonly engine: MediaEngine;
  readonly ivr: Ivr;
  readonly voicemail: Voicemail;
  readonly announcements: Pick<Announcements, 'announcementFor'>;
  readonly prompts: PromptResolver;
  /** Room `store`: `store.callRecordings`. */
  readonly recordings?: { put(recording: CallRecordingRecord): Promise<void> };
  /** Local address of a leg's media: of the listener, else the one from which the peer (a URI, an address) is reached. */
  address(
    peer: string,
    listener: string | undefined,
  ): { readonly address: string; readonly advertise?: string };
  /** Asked for each call. */
  settings(): MediaCallSettings;
}

export interface MediaCallSettings {
  /** Media of phones. */
  readonly extensions: 'relay' | 'direct';
  /** 0: never. */
  readonly rtpTimeoutMs: number;
  /** Of callers who have chosen none. */
  readonly language: string;
  /** Prompt for who is on hold, or waits. */
  readonly holdMusic: string;
  /** Phones of ours may record what they talk, by a key. Default false. */
  readonly recordOnDemand?: boolean;
  /** Absolute path of the folder of recordings. */
  readonly recordings: string;
}
