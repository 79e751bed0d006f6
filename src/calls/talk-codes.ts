import type { Clock } from '../base/clock.js';
import { KeyCodes } from './key-codes.js';
import type { LiveCall, Party } from './live-call.js';

/**
 * The codes that phones of ours press while they talk: `*1` records. The other side hears the keys, too: it may be a menu they are
 * meant for.
 */
export class TalkCodes {
  readonly #keys = new Map<Party, KeyCodes>();

  constructor(
    private readonly call: Pick<LiveCall, 'side' | 'onDemand'>,
    private readonly clock: Clock,
  ) {}

  pressed(by: Party, key: string): void {
    const { call } = this;
    if (call.side(by)?.extension === undefined) return;
    let keys = this.#keys.get(by);
    if (keys === undefined) {
      keys = new KeyCodes(this.clock, {
        '*1': () => call.onDemand.toggle(call.side(by)?.extension ?? ''),
      });
      this.#keys.set(by, keys);
    }
    keys.press(key);
  }
}
