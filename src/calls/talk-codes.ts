import type { CallEnvironment } from './call-environment.js';
import { KeyCodes } from './key-codes.js';
import type { LiveCall, Party } from './live-call.js';

/**
 * The codes that phones of ours press while they talk: `*1` records, `*70` parks the other one. The other side hears the keys, too: it may be a menu they are
 * meant for.
 */
export class TalkCodes {
  readonly #keys = new Map<Party, KeyCodes>();

  constructor(
    private readonly env: CallEnvironment,
    private readonly call: LiveCall,
  ) {}

  pressed(by: Party, key: string): void {
    const { call, env } = this;
    if (call.side(by)?.extension === undefined) return;
    let keys = this.#keys.get(by);
    if (keys === undefined) {
      keys = new KeyCodes(env.clock, {
        '*1': () => call.onDemand.toggle(call.side(by)?.extension ?? ''),
        '*70': () =>
          void env.parking.park(env, call, by).catch((error: unknown) => {
            env.logger.error({ callId: call.id, err: error }, 'a call was not parked');
          }),
      });
      this.#keys.set(by, keys);
    }
    keys.press(key);
  }
}
