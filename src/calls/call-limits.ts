import type { Clock, Timer } from '../base/clock.js';
import type { EndCause, TrunkSettings } from '../model/index.js';
import type { BridgedLeg } from './bridge.js';
import type { Callee } from './callee.js';
import { startKeepAlive } from './keep-alive.js';

/** How long an answered call may last, and whether its peers are still there. */
export class CallLimits {
  #maxDuration: Timer | undefined;
  #callerKeepAlive: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly caller: Pick<BridgedLeg, 'request'>,
    /** Of the caller. */
    private readonly trunk: TrunkSettings | undefined,
    private readonly end: (cause: EndCause) => void,
  ) {}

  /** For a new partner the duration begins anew. */
  start(callee: Callee): void {
    const limits = [this.trunk?.maxDurationMs, callee.leg.trunk?.maxDurationMs].filter(
      (ms) => ms !== undefined,
    );
    if (limits.length > 0) {
      this.#maxDuration?.clear();
      this.#maxDuration = this.clock.after(Math.min(...limits), () =>
        this.end({ sip: 200, q850: 31, text: 'Maximum duration', by: 'system', kind: 'max-duration' }),
      );
    }
    const gone = (): void =>
      this.end({ sip: 200, q850: 27, text: 'Peer gone', by: 'system', kind: 'peer-gone' });
    callee.watch(gone);
    if (this.trunk?.keepAliveMs !== undefined) {
      this.#callerKeepAlive ??= startKeepAlive(this.caller, this.trunk.keepAliveMs, this.clock, gone);
    }
  }

  stop(): void {
    this.#maxDuration?.clear();
    this.#callerKeepAlive?.clear();
  }
}
