import type { Path } from '../transport/path.js';
import type { TimerOwner } from '../transport/timer-wheel.js';
import type { ServerEntry, ServerEnvironment } from './server-transaction.js';

/**
 * What is left of an answered non-INVITE transaction for Timer J: the response, to be repeated. Most transactions alive at any moment
 * are in this state for 32 seconds, so everything else is let go.
 */
export class Absorber implements ServerEntry, TimerOwner {
  private readonly end;

  constructor(
    readonly key: string,
    readonly requestToTag: string | undefined,
    readonly toTag: string | undefined,
    private readonly last: Buffer,
    private readonly path: Path,
    private readonly env: ServerEnvironment,
  ) {
    this.end = env.wheel.timer(this, 'end');
    this.end.set(env.timers.timeoutMs);
  }

  receive(): boolean {
    this.env.sent(true);
    this.path.send(this.last);
    return false;
  }

  discard(): void {
    this.end.clear();
    this.env.ended(this);
  }

  onTimer(): void {
    this.env.ended(this);
  }
}
