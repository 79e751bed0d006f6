import type { Clock, Timer } from '../base/clock.js';
import type { BridgedLeg } from './bridge.js';

/**
 * Asks a confirmed leg with OPTIONS whether it is still there, every `everyMs`. Any answer but 408 and 481 says yes; `onGone` is
 * called once when it is not.
 */
export function startKeepAlive(
  leg: Pick<BridgedLeg, 'request'>,
  everyMs: number,
  clock: Clock,
  onGone: () => void,
): Timer {
  let timer: Timer | undefined;
  let stopped = false;
  const ask = async (): Promise<void> => {
    const outcome = await leg.request({ method: 'OPTIONS' });
    if (stopped || outcome.kind === 'gone') return;
    const { status } = outcome.kind === 'response' ? outcome.response : { status: 408 };
    if (status === 408 || status === 481) onGone();
    else wait();
  };
  const wait = (): void => {
    timer = clock.after(everyMs, () => {
      // A port that fails is no sign of a dead peer.
      void ask().catch(() => {
        if (!stopped) wait();
      });
    });
  };
  wait();
  return {
    clear: () => {
      stopped = true;
      timer?.clear();
    },
  };
}
