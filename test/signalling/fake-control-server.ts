import { Socket } from 'node:net';
import { randomHex } from '../../src/base/ids.js';

/** A command of the application, taken apart. */
export interface Command {
  readonly id: string;
  readonly kind: string;
  /** Fields after the kind. */
  readonly fields: readonly string[];
  readonly raw: string;
  /** `INVITE`, `BYE` … of a request; the status of a response. */
  readonly what: string;
}

/** The application's end: a socket in this process. */
class AppSocket extends Socket {
  override readonly connecting = false;
  override readonly remoteAddress = '127.0.0.1';
  override readonly remotePort = 0;

  constructor(readonly written: (chunk: Buffer) => void) {
    super();
  }

  override setKeepAlive(): this {
    return this;
  }
  override _read(): void {
    // Chunks are pushed as they come.
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written(Buffer.from(chunk));
    done();
  }
  override _final(done: () => void): void {
    done();
    this.destroy();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error);
    process.nextTick(() => this.emit('close', false));
  }
}

/**
 * The engine's end of the control protocol, made by hand: what comes from the application is kept, and answered as a server would
 * unless `silent` names its kind or method. Frames given to `push` in one call arrive as one chunk.
 */
export class FakeControlServer {
  socket: Socket;
  readonly commands: Command[] = [];
  /** Kinds, methods or statuses that get no answer. */
  readonly silent = new Set<string>();
  /** Refusals by kind, method or status: the reason after NOK. */
  readonly refused = new Map<string, string>();
  #buffer = Buffer.alloc(0);
  /** INVITEs told to the application: transaction to what is needed for the echo. */
  readonly #dialogs = new Map<string, string>();

  constructor() {
    this.socket = this.open();
  }

  /** A fresh socket, as after a reconnect. */
  open(): Socket {
    this.#buffer = Buffer.alloc(0);
    this.socket = new AppSocket((chunk) => this.#read(chunk));
    return this.socket;
  }

  push(...payloads: readonly string[]): void {
    this.socket.push(
      Buffer.concat(payloads.map((text) => Buffer.from(`${Buffer.byteLength(text)}#${text}`))),
    );
  }

  /** The payload of a message from the network. */
  network(txnId: string, dialogId: string, raw: string, address = '192.0.2.7'): string {
    const isNew = dialogId === '' && !raw.startsWith('SIP/');
    const tail = isNew ? '|127.0.0.1|5060|' : '|';
    return `${randomHex(8)}|sip|network|${raw.length}|udp|${address}|5060|00:00:00.000000|${txnId}|${dialogId}${tail}\r\n${raw}`;
  }

  /** A BYE the server has made and sent by itself. */
  serverBye(dialogId: string, reason: string): string {
    const raw = request('BYE', {
      callId: dialogId.split(';')[0]!,
      headers: `Reason: SIP;cause=200;text="${reason}"\r\n`,
    });
    return `${randomHex(8)}|sip|application|1|udp|192.0.2.7|5060|00:00:00.000000|unsolicited|${dialogId}|\r\n${raw}`;
  }

  /** An INVITE from the network: its transaction and dialog. */
  invite(
    callId: string,
    options: { headers?: string; body?: string } = {},
  ): { txnId: string; dialogId: string } {
    const txnId = `txn-${callId}`;
    const dialogId = `${callId};from-tag=ft`;
    this.#dialogs.set(txnId, dialogId);
    this.push(this.network(txnId, '', request('INVITE', { callId, ...options })));
    return { txnId, dialogId };
  }

  /** Takes off the first command of that kind, method or status; waits for it a few turns of the event loop. */
  async take(what: string): Promise<Command> {
    for (let turn = 0; turn < 200; turn++) {
      const index = this.commands.findIndex((command) => command.what === what || command.kind === what);
      if (index !== -1) return this.commands.splice(index, 1)[0]!;
      await turnOfLoop();
    }
    throw new Error(
      `no ${what} came; there is ${this.commands.map((command) => command.what || command.kind).join()}`,
    );
  }

  /** The answer a server gives to a command. */
  answer(command: Command): string {
    const reason = this.refused.get(command.what) ?? this.refused.get(command.kind);
    if (reason !== undefined) return `${randomHex(8)}|response|${command.id}|NOK|${reason}`;
    switch (command.kind) {
      case 'authenticate':
        return `${randomHex(8)}|response|${command.id}|OK|udp/127.0.0.1:5060|v0.9.10|udp/127.0.0.1:5060`;
      case 'sip':
        return command.raw.startsWith('SIP/') ? this.#responseEcho(command) : this.#requestEcho(command);
      default:
        return `${randomHex(8)}|response|${command.id}|OK`;
    }
  }

  /** The transaction a request of the application was given. */
  txnOf(command: Command): string {
    return `out-${command.id}`;
  }

  #responseEcho(command: Command): string {
    const txnId = command.fields[0] ?? '';
    const raw = command.raw.replace(/^(to: [^\r\n]*?)(;tag=[^\r\n]*)?\r\n/im, '$1;tag=local\r\n');
    return `${randomHex(8)}|response|${command.id}|OK|application|1|udp|127.0.0.1|5060|00:00:00.000000|${txnId}|${this.#dialogs.get(txnId) ?? ''}||Msg sent:|\r\n${raw}`;
  }

  #requestEcho(command: Command): string {
    const has = (name: string): boolean => new RegExp(`^${name}:`, 'im').test(command.raw);
    const dialogId = command.fields[1] ?? '';
    const method = command.raw.slice(0, command.raw.indexOf(' '));
    const more =
      `Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK${randomHex(4)}\r\n` +
      (has('Max-Forwards') ? '' : 'Max-Forwards: 70\r\n') +
      (has('From') ? '' : 'From: <sip:us@127.0.0.1>;tag=local\r\n') +
      (has('To') ? '' : 'To: <sip:them@192.0.2.7>;tag=remote\r\n') +
      (has('Call-ID') ? '' : `Call-ID: ${dialogId.split(';')[0]! || randomHex(4)}\r\n`) +
      (has('CSeq') ? '' : `CSeq: 101 ${method}\r\n`);
    const start = command.raw.indexOf('\r\n') + 2;
    const raw = `${command.raw.slice(0, start)}${more}${command.raw.slice(start)}`;
    return `${randomHex(8)}|response|${command.id}|OK|application|1|udp|127.0.0.1|5060|00:00:00.000000|${this.txnOf(command)}|Msg sent:|\r\n${raw}`;
  }

  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const hash = this.#buffer.indexOf('#');
      if (hash === -1) return;
      const end = hash + 1 + Number(this.#buffer.toString('utf8', 0, hash));
      if (this.#buffer.length < end) return;
      const payload = this.#buffer.toString('utf8', hash + 1, end);
      this.#buffer = this.#buffer.subarray(end);
      this.#take(payload);
    }
  }

  #take(payload: string): void {
    const cut = payload.indexOf('\r\n');
    const [id = '', kind = '', ...fields] = (cut === -1 ? payload : payload.slice(0, cut)).split('|');
    const raw = cut === -1 ? '' : payload.slice(cut + 2);
    const start = raw.slice(0, raw.indexOf('\r\n')).split(' ');
    const what = raw.startsWith('SIP/') ? (start[1] ?? '') : (start[0] ?? '');
    const command = { id, kind, fields, raw, what };
    if (kind === 'sip') this.commands.push(command);
    if (this.silent.has(kind) || this.silent.has(what)) return;
    setImmediate(() => this.push(this.answer(command)));
  }
}

/** One turn of the event loop. */
export function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Some turns: time for frames to go to and fro. */
export async function settle(turns = 12): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await turnOfLoop();
}

/** A request as a server passes it on. */
export function request(
  method: string,
  options: {
    callId: string;
    cseq?: number;
    headers?: string;
    body?: string;
    toTag?: string;
    fromTag?: string;
    branch?: string;
  },
): string {
  const body = options.body ?? '';
  const branch = options.branch ?? `${method}${options.callId}${options.cseq ?? 1}`;
  return (
    `${method} sip:+12025550100@127.0.0.1 SIP/2.0\r\n` +
    `Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK${branch}\r\n` +
    'Max-Forwards: 70\r\n' +
    `From: <sip:+12025550199@192.0.2.7>;tag=${options.fromTag ?? 'ft'}\r\n` +
    `To: <sip:+12025550100@127.0.0.1>${options.toTag === undefined ? '' : `;tag=${options.toTag}`}\r\n` +
    `Call-ID: ${options.callId}\r\n` +
    `CSeq: ${options.cseq ?? 1} ${method}\r\n` +
    'Contact: <sip:192.0.2.7:5060>\r\n' +
    (options.headers ?? '') +
    (body === '' ? '' : 'Content-Type: application/sdp\r\n') +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** A response of the far side to a request of the application. */
export function responseTo(
  command: Command,
  status: number,
  options: { headers?: string; body?: string; tag?: string } = {},
): string {
  const line = (name: string): string =>
    new RegExp(`^${name}: ([^\r\n]*)`, 'im').exec(command.raw)?.[1] ?? '';
  const method = command.what;
  const body = options.body ?? '';
  const callId = line('Call-ID') || (command.fields[1] ?? '').split(';')[0]!;
  return (
    `SIP/2.0 ${status} Whatever\r\n` +
    'Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\n' +
    `From: ${line('From') || '<sip:us@127.0.0.1>;tag=local'}\r\n` +
    `To: ${line('To') || '<sip:them@192.0.2.7>'};tag=${options.tag ?? 'remote'}\r\n` +
    `Call-ID: ${callId || 'none'}\r\n` +
    `CSeq: ${line('CSeq') || `101 ${method}`}\r\n` +
    'Contact: <sip:them@192.0.2.7>\r\n' +
    (options.headers ?? '') +
    (body === '' ? '' : 'Content-Type: application/sdp\r\n') +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
