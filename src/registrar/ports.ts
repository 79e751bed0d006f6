import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { DeviceDefinition } from '../model/index.js';
import type { NatKeepAliveOptions } from './nat-keep-alive.js';

/** What the registrar needs from outside; `app` supplies it. */
export interface RegistrarDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `bytes` random bytes in hexadecimal. */
  readonly randomHex: (bytes: number) => string;
  /** The device of the plan in force, by its name. */
  readonly device: (name: string) => DeviceDefinition | undefined;
  /** The trunk (`digest:`) whose login has this user name. */
  readonly trunkLogin?: (username: string) => TrunkLogin | undefined;
  /** Realm of the challenges: `sip.domain`. */
  readonly realm: string;
  /** Algorithms offered, in this order; at least one. RFC 8760 §2.4 wants the strongest first, some phones know only MD5. */
  readonly algorithms: readonly DigestOffer[];
  readonly store: RegistrationStore;
  /** Absent: phones behind a NAT are left alone. */
  readonly natKeepAlive?: NatKeepAliveOptions;
  /** A digest answer that was wrong; feeds bans. */
  readonly onFailure: (address: string) => void;
  /** `registered`: also of a phone that came back under another Call-ID, as after a restart of its own. */
  readonly onChange?: (event: {
    readonly kind: 'registered' | 'unregistered';
    readonly binding: Binding;
  }) => void;
}

/** A trunk that proves itself by digest. */
export interface TrunkLogin {
  readonly trunk: string;
  readonly password: string;
}

export type DigestOffer = 'SHA-256' | 'MD5';

/** Where bindings outlive a restart. */
export interface RegistrationStore {
  load(): readonly Binding[];
  save(binding: Binding): void;
  remove(binding: Binding): void;
}

/** Where a request came from, as observed. */
export interface RegistrationSource {
  readonly address: string;
  readonly port: number;
  readonly transport: string;
  readonly listener: string;
}

/** One contact of one device (RFC 3261 §10). */
export interface Binding {
  readonly device: string;
  readonly extension: string;
  /** Contact URI as the device gave it: the Request-URI of calls to it. */
  readonly contact: string;
  /** Route set from Path (RFC 3327), in the order it is to be used. */
  readonly path: readonly string[];
  /** Observed source as `sip:address:port;transport=udp`: the next hop, since the contact of a device behind NAT leads nowhere. */
  readonly source: string;
  /** Listener it registered on, as `udp/192.0.2.5:5060`. */
  readonly listener: string;
  /** `+sip.instance` (RFC 5626): the same phone, whatever its address. */
  readonly instance?: string;
  readonly userAgent?: string;
  readonly callId: string;
  readonly cseq: number;
  /** Milliseconds since the epoch. */
  readonly registeredAt: number;
  readonly expiresAt: number;
}

/** Messages of a mailbox. */
export interface WaitingCounts {
  readonly new: number;
  readonly saved: number;
}

/** Room `signalling`: `DialogRef`. */
export interface SubscriptionDialog {
  readonly id: string;
  readonly engineId: string;
}

/** Who is told of messages: a phone where it registered, or who subscribed, in that dialog. `account` is the SIP URI of the extension. */
export type SummaryTarget =
  | { readonly kind: 'phone'; readonly binding: Binding; readonly account: string }
  | { readonly kind: 'subscriber'; readonly dialog: SubscriptionDialog; readonly account: string };

/** Sends a NOTIFY with a body of `application/simple-message-summary`; resolves with its status, undefined without an answer. */
export type SendSummary = (
  to: SummaryTarget,
  headers: readonly (readonly [name: string, value: string])[],
  body: string,
) => Promise<number | undefined>;
