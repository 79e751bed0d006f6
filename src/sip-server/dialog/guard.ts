import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import type { TransactionLayer } from '../transaction/types.js';

/** Runs it; a fault is logged and goes no further: one call must not take the others along. */
export type Guard = (run: () => void) => void;

export function createGuard(logger: Logger): Guard {
  return (run) => {
    try {
      run();
    } catch (error) {
      logger.error({ err: error }, 'fault in the SIP server');
    }
  };
}

/** A clock whose timers cannot throw into the event loop. */
export function guardedClock(clock: Clock, guard: Guard): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, run) => clock.after(delayMs, () => guard(run)),
  };
}

/** A layer that may call back from a microtask or a timer without harm. */
export function guardedLayer(layer: TransactionLayer, guard: Guard): TransactionLayer {
  return {
    start: () => layer.start(),
    stop: () => layer.stop(),
    get listeners() {
      return layer.listeners;
    },
    get stats() {
      return layer.stats;
    },
    setGate: (rules) => layer.setGate(rules),
    sendStatelessResponse: (response, flow) => layer.sendStatelessResponse(response, flow),
    send: (request, to, user) =>
      layer.send(request, to, {
        sent: (info, sent, tx) => guard(() => user.sent?.(info, sent, tx)),
        response: (response, flow) => guard(() => user.response(response, flow)),
        failed: (why) => guard(() => user.failed(why)),
      }),
    sendDirect: (request, to, done) =>
      layer.sendDirect(request, to, (outcome) => guard(() => done?.(outcome))),
  };
}
