import type { ControlConnection } from '../control/connection.js';
import type { Core } from './core.js';
import { endDialog, refusePending, sendServerBye } from './ending.js';

/**
 * The connection of an application is gone. What it owed an answer is answered for it, what it was calling is cancelled; its dialogs wait
 * for it to come back with the same tags, and are ended when it has not in time.
 */
export function applicationLost(core: Core, app: ControlConnection): void {
  for (const pending of [...core.pending.values()]) {
    if (pending.app !== app) continue;
    const status = pending.kind === 'invite' ? 503 : 500;
    refusePending(core, pending, status, status === 503 ? [['Retry-After', '10']] : []);
    if (pending.kind === 'invite' && pending.dialog !== undefined && pending.dialog.confirmed === undefined)
      endDialog(core, pending.dialog);
  }
  for (const call of [...core.calls.values()]) {
    if (call.app !== app) continue;
    call.cancelled = true;
    if (call.leg === undefined) call.tx?.cancel();
  }
  core.clock.after(core.settings.appGraceMs, () => endOrphans(core, app));
}

function endOrphans(core: Core, app: ControlConnection): void {
  const heir = core.apps.heirOf(app);
  for (const dialog of [...core.dialogs]) {
    if (dialog.owner !== app) continue;
    const leg = dialog.confirmed;
    if (heir !== undefined) dialog.owner = heir;
    else if (leg !== undefined && dialog.kind === 'INVITE')
      sendServerBye(core, dialog, leg, 'application lost', 'system-error-initiated-termination');
    else endDialog(core, dialog);
  }
}
