/** Which free agent is rung. */
export type Strategy =
  'ring-all' | 'round-robin' | 'longest-idle' | 'fewest-calls' | 'random' | 'top-down' | 'skills';

/** Levels by skill, 0 to 10. */
export type Skills = Readonly<Record<string, number>>;

/** One agent of one queue. */
export interface QueueMember {
  readonly extension: string;
  /** Lower tiers first. */
  readonly tier: number;
  /** Within a tier, lower first. */
  readonly penalty: number;
  readonly skills: Skills;
}

/** A queue as it is configured. A `QueueDefinition` of the dialplan fits as it is. */
export interface QueueOptions {
  readonly name: string;
  readonly strategy: Strategy;
  readonly agents: readonly QueueMember[];
  readonly ringForMs: number;
  readonly wrapUpMs: number;
  /** Longest wait; undefined: none. */
  readonly maxWaitMs?: number;
  /** Most callers on the line; callbacks are not counted. */
  readonly maxCallers?: number;
  readonly serviceLevelMs: number;
  readonly announce?: {
    readonly position: boolean;
    readonly wait: boolean;
    readonly everyMs: number;
    /** First time so long after entering. Default 5 s, or `everyMs` if shorter. */
    readonly firstMs?: number;
  };
  readonly callback?: {
    /** Offered after so long a wait. */
    readonly afterMs: number;
    readonly key: string;
    /** Who is rung first when the turn comes. Default `agent-first`. */
    readonly order?: CallbackOrder;
    /** Default 3. */
    readonly attempts?: number;
    /** Between two attempts. Default 5 min. */
    readonly retryMs?: number;
  };
  /** After so long a wait these skills are enough. */
  readonly relax: readonly { readonly afterMs: number; readonly skills: Skills }[];
  /** After so long a wait the agents of this queue are asked too. */
  readonly overflow: readonly { readonly afterMs: number; readonly also: string }[];
  /** An agent who lets so many rings in a row go by is paused; 0: never. Default 3. */
  readonly pauseAfterMisses?: number;
  /** Rest of an agent after a ring that was not taken. Default 5 s. */
  readonly restMs?: number;
  /** Callers stay so long when the last agent has gone. Default 30 s. */
  readonly emptyForMs?: number;
  /** Who hangs up within this counts apart. Default 5 s. */
  readonly shortAbandonMs?: number;
}

/** `agent-first`: the caller is called when an agent has picked up. `caller-first`: an agent is kept free meanwhile, and rung then. */
export type CallbackOrder = 'agent-first' | 'caller-first';

/** As used inside: nothing is left open. */
export interface QueueSettings extends QueueOptions {
  readonly pauseAfterMisses: number;
  readonly restMs: number;
  readonly emptyForMs: number;
  readonly shortAbandonMs: number;
  readonly announce?: Required<NonNullable<QueueOptions['announce']>>;
  readonly callback?: Required<NonNullable<QueueOptions['callback']>>;
}

const DEFAULT_PAUSE_AFTER_MISSES = 3;
const DEFAULT_REST_MS = 5000;
const DEFAULT_EMPTY_FOR_MS = 30_000;
const DEFAULT_SHORT_ABANDON_MS = 5000;
const DEFAULT_FIRST_ANNOUNCEMENT_MS = 5000;
export const CALLBACK_DEFAULTS = { order: 'agent-first', attempts: 3, retryMs: 300_000 } as const;

export function resolveQueue(options: QueueOptions): QueueSettings {
  const { announce, callback, ...rest } = options;
  const byTime = (a: { afterMs: number }, b: { afterMs: number }): number => a.afterMs - b.afterMs;
  return {
    ...rest,
    relax: [...options.relax].sort(byTime),
    overflow: [...options.overflow].sort(byTime),
    pauseAfterMisses: options.pauseAfterMisses ?? DEFAULT_PAUSE_AFTER_MISSES,
    restMs: options.restMs ?? DEFAULT_REST_MS,
    emptyForMs: options.emptyForMs ?? DEFAULT_EMPTY_FOR_MS,
    shortAbandonMs: options.shortAbandonMs ?? DEFAULT_SHORT_ABANDON_MS,
    ...(announce !== undefined && {
      announce: {
        ...announce,
        firstMs: announce.firstMs ?? Math.min(DEFAULT_FIRST_ANNOUNCEMENT_MS, announce.everyMs),
      },
    }),
    ...(callback !== undefined && {
      callback: { ...CALLBACK_DEFAULTS, ...callback },
    }),
  };
}
