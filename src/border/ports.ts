import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';

/** What the border needs from outside; `app` supplies it. */
export interface BorderDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Compiles number patterns of the dialplan language into one test; throws `SETTINGS_INVALID` on a pattern that is none. */
  readonly compileNumbers: (patterns: readonly string[]) => (number: string) => boolean;
  readonly bans: BanStore;
  /**
   * Whether someone who proved itself is at this address. What anyone could have sent in its name (sources can be forged) does not get
   * it banned; wrong passwords do.
   */
  readonly isHome?: (address: string) => boolean;
  /** Told when the set of bans changes, so that the gate gets the new rules. */
  readonly onBansChanged: () => void;
}

/** Where bans outlive a restart. */
export interface BanStore {
  load(): readonly Ban[];
  save(ban: Ban): void;
  remove(address: string): void;
}

export interface Ban {
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
  /** How often this address has been banned, this time included; each time lasts longer. */
  readonly times: number;
  readonly reason: string;
  readonly by: 'border' | 'ops';
}
