/** Plain data for the gate; replaces the former rules as a whole. */
export interface GateRules {
  /** CIDR blocks whose packets pass all rates: trunks and `border.allow`. */
  readonly trusted: readonly string[];
  /** CIDR blocks dropped unread. */
  readonly denied: readonly string[];
  /** Banned addresses with their end, milliseconds since the epoch. */
  readonly banned: readonly { readonly address: string; readonly until: number }[];
  /** Requests that open something, from sources that are not trusted, per second. */
  readonly unknownRate: {
    readonly perSourcePerS: number;
    readonly burst: number;
    readonly totalPerS: number;
  };
  /** Counts what would be dropped, and lets it pass. */
  readonly observe: boolean;
}
