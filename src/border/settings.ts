import type { TrunkLimits } from '../model/index.js';

/** The resolved `border:` settings this room works by; room `config` makes them. */
export interface BorderRules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly blockCallers: readonly string[];
  readonly blockUserAgents: readonly string[];
  readonly unknownRate: {
    readonly perSourcePerS: number;
    readonly burst: number;
    readonly totalPerS: number;
  };
  readonly ban: {
    readonly after: number;
    readonly withinMs: number;
    readonly forMs: number;
    readonly escalate: number;
    readonly never: readonly string[];
  };
  readonly fraud: { readonly denyPrefixes: readonly string[]; readonly maxCallsPerHour?: number };
  readonly limits: { readonly calls?: number; readonly perSecond?: number };
  readonly mode: 'enforce' | 'observe';
}

/** The part of a trunk the border looks at. `networks` are its addresses as CIDR blocks, names resolved. */
export interface BorderTrunk {
  readonly name: string;
  readonly networks: readonly string[];
  readonly limits: TrunkLimits;
}
