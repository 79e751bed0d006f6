/** What a border check decides of one request or call. */
export type Verdict =
  | { readonly kind: 'admit' }
  | {
      readonly kind: 'refuse';
      /** SIP status the caller gets; 0 drops the request unread. */
      readonly status: number;
      /** Stable code, counted and shown, e.g. `caller-blocked`. */
      readonly code: BorderCode;
      /** For logs, record and explain, never for the wire. */
      readonly reason: string;
      readonly retryAfterS?: number;
      /** `border.mode: observe`: counted only; the call goes on. */
      readonly observed: boolean;
    };

/** The checks in their fixed order. */
export type BorderCheck =
  | 'ban'
  | 'access-list'
  | 'unknown-rate'
  | 'known'
  | 'sanity'
  | 'user-agent'
  | 'rate'
  | 'caller'
  | 'fraud'
  | 'capacity';

export type BorderCode =
  | 'banned'
  | 'address-denied'
  | 'unknown-rate'
  | 'unknown-source'
  | 'malformed-headers'
  | 'user-agent-blocked'
  | 'trunk-rate'
  | 'trunk-capacity'
  | 'trunk-minutes'
  | 'caller-blocked'
  | 'caller-anonymous'
  | 'prefix-denied'
  | 'caller-rate'
  | 'draining';

/** One line of the border's part of a trace. */
export interface BorderFinding {
  readonly check: BorderCheck;
  readonly verdict: Verdict;
}
