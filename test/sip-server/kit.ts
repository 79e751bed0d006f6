import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SipRequest, SipResponse } from '../../src/sip/index.js';
import type { SipServerOptions } from '../../src/sip-server/options.js';
import { createTransactionLayer } from '../../src/sip-server/transaction/layer.js';
import type {
  ClientFailure,
  ClientTransaction,
  Destination,
  ServerTransaction,
  TransactionLayer,
  TransactionUser,
} from '../../src/sip-server/transaction/types.js';

/** What a test hangs its clean-up on. */
interface Teardown {
  teardown(run: () => unknown): unknown;
}

/** Timers fast enough for tests that wait for them, in RFC 3261's proportions. */
export const FAST_TIMERS = { t1Ms: 20, t2Ms: 160, t4Ms: 100, completedMs: 1280, tryingMs: 200 };

export const UDP = { name: 'udp', transport: 'udp', host: '127.0.0.1', port: 0 } as const;
export const TCP = { name: 'tcp', transport: 'tcp', host: '127.0.0.1', port: 0 } as const;

export const SILENT_USER: TransactionUser = {
  request: () => undefined,
  ack: () => undefined,
  cancel: () => undefined,
  strayResponse: () => undefined,
};

/** A started layer that stops with the test. */
export async function startLayer(
  t: Teardown,
  options: Partial<SipServerOptions> = {},
  user: Partial<TransactionUser> = {},
): Promise<TransactionLayer> {
  const layer = createTransactionLayer({ listen: [UDP], ...options }, { ...SILENT_USER, ...user });
  await layer.start();
  t.teardown(() => layer.stop());
  return layer;
}

export function portOf(layer: TransactionLayer, name = 'udp'): number {
  return layer.listeners.find((listener) => listener.name === name)?.port ?? 0;
}

let calls = 0;

/** A request as a user of the layer makes it: without Via. */
export function newRequest(
  method: string,
  uri: string,
  fields: { callId?: string; cseq?: number; toTag?: string | undefined; body?: string } = {},
): SipRequest {
  const request = new SipRequest(method, uri);
  request.headers.add('Max-Forwards', '70');
  request.headers.add('From', '<sip:alice@127.0.0.1>;tag=alice');
  request.headers.add(
    'To',
    fields.toTag === undefined ? '<sip:bob@127.0.0.1>' : `<sip:bob@127.0.0.1>;tag=${fields.toTag}`,
  );
  request.headers.add('Call-ID', fields.callId ?? `call-${++calls}`);
  request.headers.add('CSeq', `${fields.cseq ?? 1} ${method}`);
  if (fields.body !== undefined) request.body = fields.body;
  return request;
}

/** A request as it stands on the wire. */
export function wire(
  method: string,
  headers: Partial<Record<'uri' | 'via' | 'from' | 'to' | 'callId' | 'cseq' | 'extra' | 'body', string>>,
): string {
  const body = headers.body ?? '';
  return [
    `${method} ${headers.uri ?? 'sip:bob@127.0.0.1'} SIP/2.0`,
    `Via: ${headers.via ?? `SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK${++calls};rport`}`,
    `From: ${headers.from ?? '<sip:alice@127.0.0.1>;tag=alice'}`,
    `To: ${headers.to ?? '<sip:bob@127.0.0.1>'}`,
    `Call-ID: ${headers.callId ?? `wire-${++calls}`}`,
    `CSeq: ${headers.cseq ?? `1 ${method}`}`,
    'Max-Forwards: 70',
    ...(headers.extra === undefined ? [] : [headers.extra]),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

export type Outcome = { kind: 'final'; response: SipResponse } | { kind: 'failed'; why: ClientFailure };

/** Sends and waits for the end; `tx` is at hand meanwhile. */
export function sendAndWait(
  layer: TransactionLayer,
  request: SipRequest,
  to: Destination,
): {
  tx: ClientTransaction;
  statuses: number[];
  sentVia: string[];
  /** The first response of any kind. */
  first: Promise<unknown>;
  outcome: Promise<Outcome>;
} {
  const statuses: number[] = [];
  const sentVia: string[] = [];
  let begin: (status: number) => void = () => undefined;
  const first = new Promise((resolve) => {
    begin = resolve;
  });
  let settle: (outcome: Outcome) => void = () => undefined;
  const outcome = new Promise<Outcome>((resolve) => {
    settle = resolve;
  });
  const tx = layer.send(request, to, {
    sent: ({ flow }) => sentVia.push(`${flow.transport}:${flow.port}`),
    response: (response) => {
      statuses.push(response.status);
      begin(response.status);
      if (response.status >= 200) settle({ kind: 'final', response });
    },
    failed: (why) => settle({ kind: 'failed', why }),
  });
  return { tx, statuses, sentVia, first, outcome };
}

/** Answers by the status of a request. */
export function answer(tx: ServerTransaction, status: number, toTag = 'bob'): void {
  tx.respond(SipResponse.reply(tx.request, status, undefined, toTag));
}

/** Messages that arrive, to be awaited in order. */
export interface Inbox {
  next(): Promise<string>;
  readonly waiting: number;
}

function createInbox(): Inbox & { put(text: string): void } {
  const texts: string[] = [];
  const readers: ((text: string) => void)[] = [];
  return {
    put(text) {
      const reader = readers.shift();
      if (reader === undefined) texts.push(text);
      else reader(text);
    },
    next() {
      const text = texts.shift();
      return text === undefined ? new Promise((resolve) => readers.push(resolve)) : Promise.resolve(text);
    },
    get waiting() {
      return texts.length;
    },
  };
}

export interface RawUdp extends Inbox {
  readonly port: number;
  send(text: string | Buffer, port: number): void;
}

/** A bare UDP socket, for what no well-behaved stack would send. */
export async function openUdp(t: Teardown, host = '127.0.0.1'): Promise<RawUdp> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const inbox = createInbox();
  socket.on('message', (bytes) => inbox.put(bytes.toString()));
  socket.bind(0, host);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return {
    next: () => inbox.next(),
    get waiting() {
      return inbox.waiting;
    },
    port: socket.address().port,
    send: (text, port) => socket.send(text, port, host),
  };
}

export interface RawTcp extends Inbox {
  readonly socket: Socket;
  /** Resolves when the other side has closed. */
  readonly closed: Promise<unknown>;
}

/** A bare TCP connection. `next` gives what one read brought. */
export async function openTcp(t: Teardown, port: number): Promise<RawTcp> {
  const socket = connect(port, '127.0.0.1');
  const inbox = createInbox();
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => inbox.put(bytes.toString()));
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return {
    next: () => inbox.next(),
    get waiting() {
      return inbox.waiting;
    },
    socket,
    closed,
  };
}
