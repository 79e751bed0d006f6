import type { ControlConnection } from '../control/connection.js';
import type { SipCommand } from '../control/commands.js';
import { requestEcho, responseFrame } from '../control/frames.js';
import { newUuid } from '../../base/ids.js';
import type { Core } from './core.js';

/** Header fields of a CANCEL that are those of its INVITE (RFC 3261 §9.1), whatever the application says. */
const OF_THE_INVITE = new Set([
  'Via',
  'Route',
  'Record-Route',
  'From',
  'To',
  'Contact',
  'P-Asserted-Identity',
  'Call-ID',
  'CSeq',
  'Max-Forwards',
  'Content-Length',
  'Content-Type',
]);

/** An application takes an INVITE back: section 5.6. Its 487 follows under the INVITE's transaction id. */
export function cancelCall(core: Core, app: ControlConnection, command: SipCommand): void {
  const call = core.calls.get(command.txnId);
  const { start, headers } = command.message;
  const cancels = start.kind === 'request' && start.method === 'CANCEL';
  if (!cancels || call?.tx === undefined || call.done) {
    return app.send(
      responseFrame(
        command.id,
        'NOK',
        `unable to cancel unknown transaction id: ${command.txnId.slice(0, 64)}`,
      ),
    );
  }
  const extra = [...headers].filter(([name]) => !OF_THE_INVITE.has(name));
  call.cancelled = true;
  const raw = call.tx.cancel(extra)?.request.serialize() ?? call.tx.request.serialize();
  app.send(requestEcho(command.id, undefined, core.clock.now(), newUuid(), raw));
}
