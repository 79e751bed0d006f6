/** How a peer writes numbers. `local` is a number without an area code; `short` is left as it is. */
export type NumberForm = '+e164' | 'e164' | '00e164' | 'national' | 'local' | 'short';

/** How numbers of a trunk (or of a site) are read and written. */
export interface NumberRules {
  /** ISO 3166 alpha-2 country, e.g. `US`. */
  readonly country: string;
  readonly areaCode?: string;
  /** Tried in order; the first form that fits wins. */
  readonly receive: readonly NumberForm[];
  readonly send: NumberForm;
}

export const DEFAULT_RECEIVE_FORMS: readonly NumberForm[] = ['+e164', '00e164', 'national'];

/** Where the DID stands in an INVITE. */
export type DidPlace = 'request-uri' | 'to' | 'p-called-party-id' | 'diversion' | 'history-info';

export interface TrunkDestination {
  /** `sip:` or `sips:` URI of the next hop. */
  readonly uri: string;
  /** Share among destinations of the same priority; at least 1. */
  readonly weight: number;
  /** Lower is tried first. */
  readonly priority: number;
}

export interface TrunkLimits {
  /** Calls at the same time. */
  readonly calls?: number;
  /** New calls a second. */
  readonly perSecond?: number;
  readonly minutesPerDay?: number;
}

export type CallerIdHeader = 'from' | 'p-asserted-identity' | 'remote-party-id';

export interface TrunkProbe {
  readonly everyMs: number;
  readonly downAfter: number;
  readonly upAfter: number;
}

export interface TrunkRegistration {
  readonly registrar: string;
  readonly username: string;
  readonly password: string;
  readonly expiresMs: number;
}

/** A resolved trunk: every default is filled in. */
export interface TrunkSettings {
  readonly name: string;
  readonly kind: 'carrier' | 'pbx';
  /** Networks (CIDR) and host names whose requests belong to this trunk; an empty list admits nobody. */
  readonly from: readonly string[];
  readonly to: readonly TrunkDestination[];
  readonly register?: TrunkRegistration;
  readonly digest?: { readonly username: string; readonly password: string };
  readonly did: readonly DidPlace[];
  readonly numbers: NumberRules;
  readonly callerId: { readonly trust: boolean; readonly header: CallerIdHeader };
  readonly limits: TrunkLimits;
  readonly probe?: TrunkProbe;
  readonly retryOn: readonly number[];
  /** Names of audio codecs kept in offers; undefined keeps the offer as it is. */
  readonly codecs?: readonly string[];
  readonly media: 'relay' | 'direct';
  /** RFC 4028 Session-Expires we ask for; undefined: none asked, a peer's accepted. */
  readonly sessionTimerMs?: number;
  /** No reply at all: the next destination. */
  readonly tryTimeoutMs: number;
  readonly maxDurationMs?: number;
  /** OPTIONS in the dialog. */
  readonly keepAliveMs?: number;
  readonly rel100: 'off' | 'supported' | 'required';
  /** Name of the listener its calls leave from. */
  readonly listener?: string;
  readonly site?: string;
  readonly tenant?: string;
}

export const DEFAULT_RETRY_ON: readonly number[] = [408, 480, 500, 502, 503, 504];
