import type { EndCause } from '../model/index.js';
import type { Activity } from './plan-run.js';

/** An activity that needs something first. `prepare` says false where the call has ended over it. */
export function deferredActivity(
  prepare: () => Promise<boolean>,
  make: () => Activity,
  fault: (error: unknown) => void,
): Activity {
  let made: Activity | undefined;
  let isCancelled = false;
  return {
    get legs() {
      return made?.legs ?? 0;
    },
    start: () => {
      void prepare()
        .then((isReady) => {
          if (!isReady || isCancelled) return;
          made = make();
          made.start();
        })
        .catch(fault);
    },
    cancel: (cause: EndCause) => {
      isCancelled = true;
      made?.cancel(cause);
    },
  };
}
