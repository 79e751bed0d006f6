import type { EventEmitter } from 'node:events';
import type { Server, Socket } from 'node:net';

/**
 * The parts of drachtio-srf 5.0.29 that this room uses, as they are (its own types are incomplete and partly wrong).
 * `test/signalling/srf-seam.test.ts` pins them.
 */
export type SrfConstructor = new () => Srf;

export interface Srf extends EventEmitter {
  /** Feeds control sockets in through `server.emit('connection', socket)`; `server` need not listen. */
  listen(options: { server: Server; secret: string }): Server;
  /** A first argument of one method also announces that verb to servers. */
  use(handler: SrfHandler): void;
  use(method: string, handler: SrfHandler): void;
  request(options: SrfRequestOptions, sent: (error: SrfError | null, request?: SrfSentRequest) => void): void;
  readonly app: { readonly client: SrfAgent };
}

/** What stands behind an `Srf`. */
export interface SrfAgent {
  /** One entry a control socket, with its tables. */
  readonly mapServer: Map<Socket, SrfSocketTables>;
  /** In listen mode srf announces no verbs by itself. */
  routeVerbs(socket: Socket): void;
}

export interface SrfSocketTables {
  /** Commands without an answer yet, by message id. */
  readonly pendingRequests: ReadonlyMap<string, unknown>;
  /** Requests without a final response yet, by transaction id. */
  readonly pendingSipRequests: Map<string, unknown>;
  /** INVITEs without a final response yet, by Call-ID. */
  readonly pendingNetworkInvites: Map<string, unknown>;
  readonly pendingAckOrPrack: ReadonlyMap<string, unknown>;
  readonly pendingSipAuthRequests: ReadonlyMap<string, unknown>;
}

export type SrfHandler = (
  request: SrfRequest,
  response: SrfResponse,
  next: (error?: unknown) => void,
) => void;

export interface SrfError extends Error {
  /** `ENODIALOG`: the server does not know the dialog (any more). */
  readonly code?: string;
}

/** Header values by srf's own names; `LINES` of `lines.ts` carries a whole block. */
export type SrfHeaders = Record<string, string>;

export interface SrfOutgoing {
  headers?: SrfHeaders;
  body?: string;
  toJSON?: () => undefined;
}

export interface SrfRequestOptions extends SrfOutgoing {
  method: string;
  /** `sip:placeholder` inside a dialog. */
  uri: string;
  /** The dialog the request belongs to. */
  stackDialogId?: string;
  /** Next hop of a new request. */
  proxy?: string;
  _socket: Socket;
}

interface SrfMessage {
  readonly headers: SrfHeaders;
  readonly source: 'network' | 'application';
  /** `''` for what the server made up itself. */
  readonly source_address: string;
  readonly source_port: number;
  readonly protocol: string;
  readonly stackTxnId: string;
  readonly stackDialogId: string;
}

/** A request received, or a request we sent (as echoed by the server). */
export interface SrfRequest extends EventEmitter, SrfMessage {
  readonly method: string;
  readonly uri: string;
  readonly body: string;
  /** Local `address:port`; new requests only. */
  readonly receivedOn?: string;
  readonly socket: Socket;
}

export interface SrfSentRequest extends SrfRequest {
  /** Sends a CANCEL for it. */
  cancel(options: SrfOutgoing, sent: (error: SrfError | null) => void): void;
}

export interface SrfReceivedResponse extends SrfMessage {
  readonly status: number;
  readonly reason: string;
}

/** Sends the ACK of a 2xx, or the PRACK of a reliable provisional. */
export type SrfAck = (options?: SrfOutgoing, sent?: (error: unknown) => void) => void;

/** The means to answer a request received. */
export interface SrfResponse {
  /** Throws for a status srf has no phrase for. `error` is the server's reason text or an Error. */
  send(
    status: number,
    reason: string | undefined,
    options: SrfOutgoing,
    sent?: (error: unknown) => void,
  ): void;
  /** Filled in by the answer to `send`. */
  readonly stackDialogId: string;
  readonly finalResponseSent: boolean;
}

/** `lib/sip-parser/parser`: srf calls through these properties, so they can be replaced. */
export interface SrfParser {
  parseSipMessage(raw: string, lazy: boolean): SrfParsed | undefined;
  stringifySipMessage(message: SrfStringified): string;
  getHeaderName(name: string): string;
}

export interface SrfParsed {
  headers: SrfHeaders;
  body: string;
  method?: string;
  uri?: string;
  version: string;
  status?: number;
  reason?: string;
  payload: { type: string | undefined; content: string }[];
}

export interface SrfStringified {
  status?: number;
  reason?: string;
  method?: string;
  uri?: unknown;
  headers: Record<string, unknown>;
  body?: string;
}
