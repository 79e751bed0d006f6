import type { ControlConnection } from '../control/connection.js';
import type { ClientTransaction } from '../transaction/types.js';
import type { Dialog, Leg } from './dialog.js';

/** A request of an application (or, for a refresh, of the server) on its way. */
export interface ClientCall {
  readonly txnId: string;
  readonly method: string;
  /** CSeq number. */
  readonly cseq: number;
  /** Undefined: a request of the server's own, which no application hears of. */
  readonly app: ControlConnection | undefined;
  readonly dialog: Dialog | undefined;
  /** Of a request inside a dialog. */
  readonly leg: Leg | undefined;
  tx: ClientTransaction | undefined;
  /** The application has sent CANCEL, or is gone. */
  cancelled: boolean;
  done: boolean;
}

/** INVITEs on their way, by transaction id: those that can be cancelled. */
export type ClientCalls = Map<string, ClientCall>;
