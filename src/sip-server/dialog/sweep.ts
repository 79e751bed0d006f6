import type { Timer } from '../../base/clock.js';
import type { Core } from './core.js';
import { endDialog, refusePending } from './ending.js';

const SWEEP_MS = 2000;
/** An INVITE an application has not answered at all is given up after 64 s, as by the reference. */
const SILENT_INVITE_MS = 64_000;

/** Gives up what applications left unanswered, and subscriptions that ran out. Returns what stops it. */
export function startSweep(core: Core): () => void {
  let timer: Timer;
  const sweep = (): void => {
    const now = core.clock.monotonic();
    for (const pending of core.pending.values()) {
      const age = now - pending.since;
      if (age < core.settings.timeoutMs) break;
      if (pending.state !== 'unanswered') continue;
      const invite = pending.tx.request.method === 'INVITE';
      // The client of a non-INVITE transaction has given up by now (Timer F); the answer only frees it.
      if (!invite || age >= SILENT_INVITE_MS) refusePending(core, pending, invite ? 504 : 500);
    }
    for (const dialog of core.dialogs.expired(now)) endDialog(core, dialog);
    timer = core.clock.after(SWEEP_MS, sweep);
  };
  timer = core.clock.after(SWEEP_MS, sweep);
  return () => timer.clear();
}
