import { createSocket, type Socket } from 'node:dgram';
import { randomHex } from '../../src/base/ids.js';
import { parseMessage, SipRequest, SipResponse, type SipMessage } from '../../src/sip/index.js';

/** How long a message may take on loopback before a test fails. Retransmissions come into play after 500 ms. Milliseconds. */
const PATIENCE_MS = 4000;

export interface SendOptions {
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

interface Waiter {
  readonly wants: (message: SipMessage) => boolean;
  readonly got: (message: SipMessage) => void;
}

/** A far side made by hand: it sends what a test tells it, and keeps what it gets until a test asks for it. */
export class Phone {
  readonly received: SipMessage[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #seen = new Set<string>();

  private constructor(
    readonly socket: Socket,
    readonly port: number,
    readonly serverPort: number,
  ) {
    socket.on('message', (data) => {
      const outcome = parseMessage(data);
      if (outcome.kind === 'message') this.#take(outcome.message);
    });
  }

  static async open(serverPort: number): Promise<Phone> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new Phone(socket, socket.address().port, serverPort);
  }

  close(): void {
    this.socket.close();
  }

  get uri(): string {
    return `sip:phone@127.0.0.1:${this.port}`;
  }

  /** Takes messages off: the first that fits, now or when it comes. Retransmissions do not count. */
  async next(wants: (message: SipMessage) => boolean, what: string): Promise<SipMessage> {
    const index = this.received.findIndex(wants);
    if (index !== -1) return this.received.splice(index, 1)[0]!;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(new Error(`no ${what} came; there is ${this.received.map(titleOf).join(', ') || 'nothing'}`));
      }, PATIENCE_MS);
      const waiter: Waiter = {
        wants,
        got: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  async request(method: string): Promise<SipRequest> {
    const message = await this.next((one) => one.kind === 'request' && one.method === method, method);
    return message as SipRequest;
  }

  async response(status: number, method?: string): Promise<SipResponse> {
    const message = await this.next(
      (one) =>
        one.kind === 'response' &&
        one.status === status &&
        (method === undefined || one.cseq.method === method),
      `${status} ${method ?? ''}`,
    );
    return message as SipResponse;
  }

  send(message: SipMessage): void {
    this.socket.send(message.toBuffer(), this.serverPort, '127.0.0.1');
  }

  /** Answers a request. A To tag is added from 101 on. */
  respond(
    request: SipRequest,
    status: number,
    options: SendOptions & { readonly tag?: string; readonly reason?: string } = {},
  ): void {
    const tag = status > 100 ? (options.tag ?? `p${this.port}`) : undefined;
    const response = SipResponse.reply(request, status, options.reason, tag);
    if (status > 100 && status < 300) response.headers.add('Contact', `<${this.uri}>`);
    fill(response, options);
    this.send(response);
  }

  call(options: SendOptions & { readonly to?: string } = {}): OutCall {
    return new OutCall(this, options);
  }

  #take(message: SipMessage): void {
    const key = `${titleOf(message)} ${message.callId} ${message.cseq.seq} ${message.cseq.method} ${message.topVia.branch ?? ''} ${message.toTag ?? ''} ${message.headers.get('RSeq') ?? ''}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const index = this.#waiters.findIndex((waiter) => waiter.wants(message));
    if (index === -1) this.received.push(message);
    else this.#waiters.splice(index, 1)[0]!.got(message);
  }
}

/** A call the phone makes. */
export class OutCall {
  readonly callId = randomHex(8);
  readonly fromTag = randomHex(4);
  readonly invite: SipRequest;
  toTag: string | undefined;
  target: string;
  cseq = 1;
  branch = `z9hG4bK${randomHex(8)}`;

  constructor(
    readonly phone: Phone,
    options: SendOptions & { readonly to?: string },
  ) {
    this.target = `sip:${options.to ?? '+12025550100'}@127.0.0.1:${phone.serverPort}`;
    this.invite = this.build('INVITE', options);
    phone.send(this.invite);
  }

  build(method: string, options: SendOptions = {}): SipRequest {
    const request = new SipRequest(method, this.target);
    const { headers } = request;
    headers.add('Via', `SIP/2.0/UDP 127.0.0.1:${this.phone.port};branch=${this.branch};rport`);
    headers.add('Max-Forwards', '70');
    headers.add('From', `"Caller" <sip:+12025550199@127.0.0.1>;tag=${this.fromTag}`);
    headers.add('To', `<${this.target}>${this.toTag === undefined ? '' : `;tag=${this.toTag}`}`);
    headers.add('Call-ID', this.callId);
    headers.add('CSeq', `${this.cseq} ${method}`);
    headers.add('Contact', `<${this.phone.uri}>`);
    fill(request, options);
    return request;
  }

  /** Takes the remote tag and target from a response. */
  learn(response: SipResponse): this {
    this.toTag = response.toTag;
    this.target = response.contact?.uri ?? this.target;
    return this;
  }

  /** A new request inside the dialog. */
  send(method: string, options: SendOptions = {}): SipRequest {
    if (method !== 'ACK' && method !== 'CANCEL') {
      this.cseq++;
      this.branch = `z9hG4bK${randomHex(8)}`;
    }
    const request = this.build(method, options);
    this.phone.send(request);
    return request;
  }

  /** The ACK of a 2xx to the request last sent (`cseq`), on a branch of its own. */
  ack(options: SendOptions = {}): void {
    const { branch } = this;
    this.branch = `z9hG4bK${randomHex(8)}`;
    this.phone.send(this.build('ACK', options));
    this.branch = branch;
  }

  cancel(options: SendOptions = {}): void {
    const request = this.build('CANCEL', options);
    request.headers.set('Via', this.invite.headers.get('Via')!);
    request.headers.delete('Contact');
    request.uri = this.invite.uri;
    request.headers.set('To', this.invite.headers.get('To')!);
    this.phone.send(request);
  }
}

/** Requests the phone sends inside a dialog in which it was called. */
export function requestBack(
  phone: Phone,
  invite: SipRequest,
  method: string,
  cseq: number,
  options: SendOptions & { readonly tag?: string } = {},
): SipRequest {
  const request = new SipRequest(method, invite.contact!.uri);
  const { headers } = request;
  headers.add('Via', `SIP/2.0/UDP 127.0.0.1:${phone.port};branch=z9hG4bK${randomHex(8)};rport`);
  headers.add('Max-Forwards', '70');
  headers.add('From', `${invite.headers.get('To')!};tag=${options.tag ?? `p${phone.port}`}`);
  headers.add('To', invite.headers.get('From')!);
  headers.add('Call-ID', invite.callId);
  headers.add('CSeq', `${cseq} ${method}`);
  headers.add('Contact', `<${phone.uri}>`);
  fill(request, options);
  phone.send(request);
  return request;
}

function fill(message: SipMessage, options: SendOptions): void {
  for (const [name, value] of options.headers ?? []) message.headers.add(name, value);
  if (options.body === undefined) return;
  if (!message.headers.has('Content-Type')) message.headers.add('Content-Type', 'application/sdp');
  message.body = options.body;
}

function titleOf(message: SipMessage): string {
  return message.kind === 'request' ? message.method : `${message.status} to ${message.cseq.method}`;
}

/** A session description that tells by its version which it is. */
export function sdp(version: number, port = 4000, direction = 'sendrecv'): string {
  return (
    `v=0\r\no=- 1 ${version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n` +
    `m=audio ${port} RTP/AVP 0 8\r\na=${direction}\r\n`
  );
}
