import type { Plan } from '../dialplan/index.js';
import type { BorderFinding, DeviceDefinition, TrunkSettings, Verdict } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';

/** Where a request came from, as observed. The signalling port's `Source` fits. */
export interface RequestSource {
  readonly address: string;
  readonly port: number;
  readonly transport: string;
}

/** What room `trunks` knows of trunks (`createTrunks`). */
export interface TrunkDirectory {
  /**
   * Whose request this is, by address (and domain, registration token, port). `tie`: several trunks share the address; routing lets
   * the DID break it.
   */
  identify(question: { readonly source: RequestSource; readonly request: SipRequest }): TrunkMatch;
  get(name: string): TrunkSettings | undefined;
}

export type TrunkMatch =
  | { readonly kind: 'trunk'; readonly trunk: TrunkSettings; readonly why: string }
  | { readonly kind: 'tie'; readonly trunks: readonly TrunkSettings[] }
  | { readonly kind: 'none' };

/** Digest of callers that no address identifies (room `registrar`, `createRegistrar`). */
export interface CallerAuthentication {
  authenticateInvite(request: SipRequest, source: RequestSource): InviteAuthentication;
  /** Whether the phone that the request names as its sender is registered from this very address and port. */
  isPhoneAt(request: SipRequest, source: RequestSource): boolean;
}

export type InviteAuthentication =
  | { readonly kind: 'ok'; readonly device: DeviceDefinition }
  /** The digest of a trunk (`digest:`) fits. */
  | { readonly kind: 'trunk'; readonly trunk: string }
  /** No credentials, or a stale nonce. */
  | {
      readonly kind: 'challenge';
      readonly status: 401 | 407;
      readonly headers: readonly (readonly [name: string, value: string])[];
    }
  /** Wrong credentials or an unknown name: the same answer for both. Counted for a ban by routing through `Border.noteFailure`. */
  | { readonly kind: 'failed' };

/** Who calls, as the border sees it. */
export type CallParty =
  | { readonly kind: 'trunk'; readonly trunk: TrunkSettings }
  | { readonly kind: 'device'; readonly device: DeviceDefinition }
  /** Nobody yet: a challenge would be the answer. The check `known` does not apply; sanity, user agent, lists and rates do. */
  | { readonly kind: 'unidentified' }
  /** Nobody we know, for good: the check `known` refuses. */
  | { readonly kind: 'unknown' };

/** What the border judges: plain data, so that explain can imagine it. */
export interface BorderCall {
  readonly source: RequestSource;
  readonly party: CallParty;
  readonly userAgent?: string;
  /** E.164, undefined when withheld. */
  readonly caller?: string;
  readonly anonymous: boolean;
  /** Normalised number or digits; undefined when the request holds none. */
  readonly dialed?: string;
  readonly direction: 'inbound' | 'internal';
  /** Emergency calls pass every limit. */
  readonly emergency: boolean;
  /** The request itself for the check `sanity`; absent when imagined. */
  readonly request?: SipRequest;
}

export interface BorderReport {
  /** Each check that had something to say, in the fixed order; with `mode: observe` also those that would have refused. */
  readonly findings: readonly BorderFinding[];
  readonly verdict: Verdict;
}

/** Room `border` (`createBorder`). */
export interface Border {
  /** Counts the call in rates unless `dryRun`. Takes no capacity: `callStarted` does (same turn of the event loop). */
  checkCall(call: BorderCall, options?: { readonly dryRun?: boolean }): BorderReport;
  /** A failed authentication or the like: feeds bans. */
  noteFailure(address: string, what: string): void;
}

/** The plan in force and ops' overrides (room `dialplan`'s service, through `app`). */
export interface PlanSource {
  current(): { readonly plan: Plan; readonly revision: number };
  /** Ops' override of hours. */
  hoursOverride(name: string): 'open' | 'closed' | 'holiday' | undefined;
}
