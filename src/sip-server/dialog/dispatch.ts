import type { Apps } from '../control/apps.js';
import type { ProxyCommand, SipCommand } from '../control/commands.js';
import type { ControlConnection, ControlUser } from '../control/connection.js';
import { responseFrame } from '../control/frames.js';
import { applicationLost } from './app-loss.js';
import { cancelCall } from './cancel.js';
import type { Core } from './core.js';
import { dialogOfCommand, sendInDialog } from './outgoing-in-dialog.js';
import { sendNewRequest } from './outgoing.js';
import { respond } from './respond.js';

/** Carries out what applications ask for: section 2 of the control protocol. A fault ends one command, never the server. */
export function createDispatch(
  core: Core,
  apps: Apps,
  proxy: (app: ControlConnection, command: ProxyCommand) => void,
): ControlUser {
  const guarded = <C extends SipCommand | ProxyCommand>(
    run: (app: ControlConnection, command: C) => void,
  ): ((app: ControlConnection, command: C) => void) => {
    return (app, command) => {
      try {
        run(app, command);
      } catch (error) {
        core.logger.error({ err: error }, 'fault in a control command');
        const reason = error instanceof Error ? error.message : 'fault';
        app.send(
          responseFrame(command.id, 'NOK', `Server error: ${reason.replace(/[|\r\n]/g, ' ').slice(0, 200)}`),
        );
      }
    };
  };
  return {
    authenticated: (app, catchAll) => apps.add(app, catchAll),
    route: (app, verb) => apps.route(app, verb),
    removeRoute: (app, verb) => apps.unroute(app, verb),
    sip: guarded((app, command: SipCommand) => sip(core, app, command)),
    proxy: guarded(proxy),
    closed: (app) => {
      apps.remove(app);
      core.guard(() => applicationLost(core, app));
    },
  };
}

/** The order of section 2.5. */
function sip(core: Core, app: ControlConnection, command: SipCommand): void {
  if (command.message.start.kind === 'response') return respond(core, app, command);
  if (command.dialogId !== '') return sendInDialog(core, app, command);
  if (command.txnId !== '') return cancelCall(core, app, command);
  if (dialogOfCommand(core, command) !== undefined) return sendInDialog(core, app, command);
  sendNewRequest(core, app, command);
}
