import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Test } from 'tap';
import { createSipServer, type ServerOptions, type SipServer } from '../../src/sip-server/index.js';
import type { SipRequest } from '../../src/sip/index.js';
import { parseMessage, SipResponse, type SipMessage } from '../../src/sip/index.js';

export const SECRET = 'a secret';
const WAIT_MS = 5000;

/** Things that arrive, for one who waits for some of them. */
export class Inbox<T> {
  readonly all: T[] = [];
  readonly #waiting: { fits: (item: T) => boolean; take: (item: T) => void }[] = [];
  readonly #unread: T[] = [];

  push(item: T): void {
    this.all.push(item);
    const index = this.#waiting.findIndex(({ fits }) => fits(item));
    if (index === -1) this.#unread.push(item);
    else this.#waiting.splice(index, 1)[0]!.take(item);
  }

  /** The first unread item that fits, now or when it comes. */
  next(what: string, fits: (item: T) => boolean = () => true, waitMs = WAIT_MS): Promise<T> {
    const index = this.#unread.findIndex(fits);
    if (index !== -1) return Promise.resolve(this.#unread.splice(index, 1)[0]!);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(`waited in vain for ${what}; unread: ${JSON.stringify(this.#unread).slice(0, 2000)}`),
          ),
        waitMs,
      );
      this.#waiting.push({
        fits,
        take: (item) => {
          clearTimeout(timer);
          resolve(item);
        },
      });
    });
  }

  /** What nobody has asked for yet. */
  get unread(): readonly T[] {
    return this.#unread;
  }
}

/** A frame the server sent, taken apart. */
export interface ServerFrame {
  readonly fields: readonly string[];
  readonly raw: string;
}

/** An application that speaks the control protocol by hand. */
export class App {
  readonly frames = new Inbox<ServerFrame>();
  readonly closed: Promise<void>;
  #data = Buffer.alloc(0);

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async connect(port: number): Promise<App> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new App(socket);
  }

  /** Sends a command; resolves with its answer. */
  async ask(command: string): Promise<ServerFrame> {
    const id = this.send(command);
    return this.frames.next(
      `the answer to ${command.slice(0, 60)}`,
      (frame) => frame.fields[1] === 'response' && frame.fields[2] === id,
    );
  }

  send(command: string): string {
    const id = randomUUID();
    const payload = `${id}|${command}`;
    this.socket.write(`${Buffer.byteLength(payload)}#${payload}`);
    return id;
  }

  async login(verbs: readonly string[] = [], tags = ''): Promise<this> {
    await this.ask(`authenticate|${SECRET}|${tags}`);
    for (const verb of verbs) await this.ask(`route|${verb}`);
    return this;
  }

  /** The next SIP message whose start line holds `text`. */
  sip(text: string): Promise<ServerFrame> {
    return this.frames.next(
      `sip ${text}`,
      (frame) => frame.fields[1] === 'sip' && frame.raw.slice(0, frame.raw.indexOf('\r\n')).includes(text),
    );
  }

  /** Answers a request that was delivered. */
  respond(
    frame: ServerFrame,
    status: number,
    headers: readonly string[] = [],
    body = '',
  ): Promise<ServerFrame> {
    const echoed = ['Call-ID', 'CSeq', 'From', 'To'].map((name) => `${name}: ${headerOf(frame.raw, name)}`);
    return this.ask(
      `sip|${frame.fields[8]!}|\r\n${messageOf(`SIP/2.0 ${status} Reason`, [...echoed, ...headers], body)}`,
    );
  }

  /** The same without waiting for the echo. */
  respondQuietly(frame: ServerFrame, status: number, body = ''): void {
    const echoed = ['Call-ID', 'CSeq', 'From', 'To'].map((name) => `${name}: ${headerOf(frame.raw, name)}`);
    this.send(`sip|${frame.fields[8]!}|\r\n${messageOf(`SIP/2.0 ${status} Reason`, echoed, body)}`);
  }

  /** Sends a request inside a dialog. */
  request(
    dialogId: string,
    method: string,
    headers: readonly string[] = [],
    body = '',
  ): Promise<ServerFrame> {
    return this.ask(`sip||${dialogId}\r\n${messageOf(`${method} sip:placeholder SIP/2.0`, headers, body)}`);
  }

  /** The same without waiting for the answer. */
  post(dialogId: string, method: string, headers: readonly string[] = [], body = ''): void {
    this.send(`sip||${dialogId}\r\n${messageOf(`${method} sip:placeholder SIP/2.0`, headers, body)}`);
  }

  #read(chunk: Buffer): void {
    this.#data = Buffer.concat([this.#data, chunk]);
    for (;;) {
      const hash = this.#data.indexOf('#');
      if (hash === -1) return;
      const end = hash + 1 + Number(this.#data.toString('latin1', 0, hash));
      if (this.#data.length < end) return;
      const text = this.#data.toString('utf8', hash + 1, end);
      this.#data = this.#data.subarray(end);
      const cut = text.indexOf('\r\n');
      this.frames.push({
        fields: (cut === -1 ? text : text.slice(0, cut)).split('|'),
        raw: cut === -1 ? '' : text.slice(cut + 2),
      });
    }
  }
}

export function headerOf(raw: string, name: string): string {
  const match = new RegExp(`^${name}:\\s*(.*)$`, 'im').exec(raw);
  return match === null ? '' : match[1]!.trim();
}

export function tagOf(value: string): string {
  return /;tag=([^;>\s]+)/.exec(value)?.[1] ?? '';
}

/** A message as text, with its Content-Length. */
export function messageOf(startLine: string, headers: readonly string[], body = ''): string {
  return `${[startLine, ...headers, `Content-Length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`;
}

export const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 0',
  '',
].join('\r\n');

export interface Heard {
  readonly message: SipMessage;
  readonly port: number;
}

/** A SIP peer on a UDP socket that does only what it is told. */
export class Peer {
  readonly heard = new Inbox<SipMessage>();
  readonly port: number;
  #branch = 0;

  constructor(
    readonly socket: UdpSocket,
    readonly server: { readonly port: number },
  ) {
    this.port = socket.address().port;
    socket.on('message', (data) => {
      const outcome = parseMessage(data);
      if (outcome.kind === 'message') this.heard.push(outcome.message);
    });
  }

  static async open(server: { readonly port: number }): Promise<Peer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new Peer(socket, server);
  }

  get contact(): string {
    return `<sip:peer@127.0.0.1:${this.port}>`;
  }

  newBranch(): string {
    return `z9hG4bK${this.port}-${++this.#branch}`;
  }

  /** A request to the server; `headers` beyond Via, Max-Forwards and Content-Length. */
  send(
    method: string,
    uri: string,
    headers: readonly string[],
    body = '',
    branch = this.newBranch(),
  ): string {
    const via = `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=${branch};rport`;
    this.raw(messageOf(`${method} ${uri} SIP/2.0`, [via, 'Max-Forwards: 70', ...headers], body));
    return branch;
  }

  /** Answers a request that came from the server. */
  answer(
    request: SipMessage,
    status: number,
    options: { tag?: string; headers?: readonly string[]; body?: string } = {},
  ): void {
    if (request.kind !== 'request') throw new Error('only requests are answered');
    const response = SipResponse.reply(request, status, undefined, options.tag ?? 'peer-tag');
    for (const line of options.headers ?? []) {
      const colon = line.indexOf(':');
      response.headers.add(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    if (options.body !== undefined && options.body !== '') {
      response.headers.add('Content-Type', 'application/sdp');
      response.body = options.body;
    }
    this.raw(response.serialize());
  }

  raw(text: string | Buffer): void {
    this.socket.send(text, this.server.port, '127.0.0.1');
  }

  request(method: string): Promise<SipRequest> {
    return this.heard.next(
      method,
      (message) => message.kind === 'request' && message.method === method,
    ) as Promise<SipRequest>;
  }

  response(status: number, method?: string): Promise<SipResponse> {
    return this.heard.next(
      `${status} ${method ?? ''}`,
      (message) =>
        message.kind === 'response' &&
        message.status === status &&
        (method === undefined || message.cseq.method === method),
    ) as Promise<SipResponse>;
  }

  close(): void {
    this.socket.close();
  }
}

/** A call from a peer towards the server. */
export class Caller {
  readonly callId = randomUUID();
  readonly tag = `from-${randomUUID().slice(0, 8)}`;
  cseq = 1;
  /** Our tag on To as the server has given it. */
  remoteTag = '';
  inviteBranch = '';
  lastStatus = 0;

  constructor(
    readonly peer: Peer,
    readonly user = '100',
  ) {}

  get uri(): string {
    return `sip:${this.user}@127.0.0.1:${this.peer.server.port}`;
  }

  headers(method: string, cseq = this.cseq): string[] {
    const to = this.remoteTag === '' ? `<${this.uri}>` : `<${this.uri}>;tag=${this.remoteTag}`;
    return [
      `From: "A caller" <sip:a@127.0.0.1:${this.peer.port}>;tag=${this.tag}`,
      `To: ${to}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${cseq} ${method}`,
    ];
  }

  invite(headers: readonly string[] = [], body = SDP): void {
    this.request('INVITE', [`Contact: ${this.peer.contact}`, ...headers], body);
  }

  /** Any request of the call with the next CSeq; returns its branch. */
  request(method: string, headers: readonly string[] = [], body = ''): string {
    const type = body === '' ? [] : ['Content-Type: application/sdp'];
    const branch = this.peer.send(method, this.uri, [...this.headers(method), ...headers, ...type], body);
    if (method === 'INVITE') this.inviteBranch = branch;
    this.cseq++;
    return branch;
  }

  /** The ACK of the last answer to an INVITE: of a failure it belongs to the transaction and has its branch. */
  ack(cseq = this.cseq - 1, body = ''): void {
    const type = body === '' ? [] : ['Content-Type: application/sdp'];
    const branch = this.lastStatus >= 300 ? this.inviteBranch : this.peer.newBranch();
    this.peer.send('ACK', this.uri, [...this.headers('ACK', cseq), ...type], body, branch);
  }

  cancel(headers: readonly string[] = []): void {
    this.peer.send(
      'CANCEL',
      this.uri,
      [
        ...this.headers('CANCEL', this.cseq - 1).map((line) => line.replace(/;tag=(?!from-).*$/, '')),
        ...headers,
      ],
      '',
      this.inviteBranch,
    );
  }

  async response(status: number, method = 'INVITE'): Promise<SipResponse> {
    const response = await this.peer.response(status, method);
    if (method === 'INVITE') this.lastStatus = status;
    if (status > 100 && response.toTag !== undefined) this.remoteTag = response.toTag;
    return response;
  }
}

export interface Bench {
  readonly server: SipServer;
  readonly sipPort: number;
  readonly controlPort: number;
  app(verbs?: readonly string[], tags?: string): Promise<App>;
  peer(): Promise<Peer>;
}

/** A server on loopback; everything made by it is taken down with the test. */
export async function startBench(t: Test, options: Partial<ServerOptions> = {}): Promise<Bench> {
  const server = createSipServer({
    listen: [{ name: 'udp', transport: 'udp', host: '127.0.0.1', port: 0 }],
    secret: SECRET,
    ...options,
  });
  await server.start();
  const control = await server.listen({ port: 0 });
  const sipPort = server.listeners[0]!.port;
  const closers: (() => void)[] = [];
  t.teardown(async () => {
    for (const close of closers) close();
    await server.stop();
  });
  return {
    server,
    sipPort,
    controlPort: control.port,
    app: async (verbs = ['invite', 'options', 'register', 'subscribe', 'message'], tags = '') => {
      const app = await App.connect(control.port);
      closers.push(() => app.socket.destroy());
      return app.login(verbs, tags);
    },
    peer: async () => {
      const peer = await Peer.open({ port: sipPort });
      closers.push(() => peer.close());
      return peer;
    },
  };
}

/** Waits until `check` holds; for what has no event. */
export async function eventually(what: string, check: () => boolean, waitMs = WAIT_MS): Promise<void> {
  const until = Date.now() + waitMs;
  while (!check()) {
    if (Date.now() > until) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const require = createRequire(import.meta.url);

/** drachtio-srf has no types worth the name; tests take it as it is. */
export interface SrfLike {
  connect(options: object): void;
  listen(options: object): void;
  disconnect(): void;
  on(event: string, handler: (...args: never[]) => void): void;
  [name: string]: unknown;
}

export function newSrf(tags?: string): SrfLike {
  const Srf = require('drachtio-srf') as new (tags?: string) => SrfLike;
  return new Srf(tags);
}
