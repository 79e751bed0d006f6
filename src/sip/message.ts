import { AppError } from '../base/errors.js';
import { readNumber, skipClass, skipSpace, isToken, DIGIT } from './chars.js';
import { SipHeaders } from './headers.js';
import { parseNameAddr, type NameAddr, NameAddr as NameAddrClass } from './name-addr.js';
import { splitList } from './params.js';
import { reasonPhrase } from './status.js';
import { parseVia, parseViaLoosely, type Via } from './via.js';

export interface CSeq {
  /** 0 … 2³²−1 */
  seq: number;
  method: string;
}

export const MAX_CSEQ = 0xffffffff;

/** Reads a CSeq value (RFC 3261 §20.16). */
export function parseCSeq(text: string): CSeq | undefined {
  const end = skipClass(text, 0, text.length, DIGIT);
  const seq = readNumber(text, 0, end, MAX_CSEQ);
  const methodStart = skipSpace(text, end);
  const method = text.slice(methodStart);
  return seq === -1 || methodStart === end || !isToken(method) ? undefined : { seq, method };
}

/** What the parser has read already and the getters need not read again. */
export interface ParsedParts {
  via?: Via;
  from?: NameAddr;
  to?: NameAddr;
  cseq?: CSeq;
  /** The whole body as it came; must not be changed afterwards. */
  body?: Buffer;
  /** Something mandatory was malformed: getters give placeholders instead of throwing. */
  lenient?: boolean;
}

/** What requests and responses have in common. Getters read the headers as they are now. */
abstract class SipMessageBase {
  readonly headers = new SipHeaders();
  #parts: ParsedParts | undefined;
  // The header value each cached part was read from: a changed header is read again.
  #body = '';

  /**
   * The parser hands over what it has read.
   * @internal
   */
  adopt(parts: ParsedParts): void {
    this.#parts = parts;
  }

  /** The body as UTF-8 text, `''` when there is none. */
  get body(): string {
    const bytes = this.#parts?.body;
    return bytes === undefined ? this.#body : bytes.toString('utf8');
  }

  set body(text: string) {
    this.#body = text;
    if (this.#parts !== undefined) delete this.#parts.body;
  }

  /** The body as it came, for contents that are no text. */
  get bodyBytes(): Buffer {
    return this.#parts?.body ?? Buffer.from(this.#body, 'utf8');
  }

  set bodyBytes(bytes: Buffer) {
    this.#parts = { ...this.#parts, body: bytes };
  }

  get callId(): string {
    return this.headers.get('Call-ID') ?? this.#missing('Call-ID', '');
  }

  get cseq(): CSeq {
    const value = this.headers.get('CSeq');
    return (
      (value === undefined ? undefined : parseCSeq(value)) ?? this.#missing('CSeq', { seq: 0, method: '' })
    );
  }

  get from(): NameAddr {
    return (
      this.#nameAddr('From') ?? this.#missing('From', new NameAddrClass('sip:anonymous@anonymous.invalid'))
    );
  }

  get to(): NameAddr {
    return this.#nameAddr('To') ?? this.#missing('To', new NameAddrClass('sip:anonymous@anonymous.invalid'));
  }

  get fromTag(): string | undefined {
    return this.from.tag;
  }

  get toTag(): string | undefined {
    return this.to.tag;
  }

  get topVia(): Via {
    const value = this.headers.get('Via');
    const first = value === undefined ? undefined : splitList(value)[0];
    const via = first === undefined ? undefined : (parseVia(first) ?? parseViaLoosely(first));
    return (
      via ??
      this.#missing('Via', { protocol: 'SIP/2.0', transport: 'UDP', host: 'invalid', params: new Map() })
    );
  }

  /** The first Contact; undefined when there is none, or `*`. */
  get contact(): NameAddr | undefined {
    const value = this.headers.get('Contact');
    const first = value === undefined ? undefined : splitList(value)[0];
    return first === undefined ? undefined : parseNameAddr(first);
  }

  /** The message as text with a Content-Length of our own. A body that is no UTF-8 text survives in `toBuffer` only. */
  serialize(): string {
    const body = this.body;
    return `${this.head(Buffer.byteLength(body, 'utf8'))}${body}`;
  }

  /** The message as bytes for the wire. */
  toBuffer(): Buffer {
    const bytes = this.#parts?.body;
    if (bytes === undefined) return Buffer.from(this.serialize(), 'utf8');
    return Buffer.concat([Buffer.from(this.head(bytes.length), 'utf8'), bytes]);
  }

  protected abstract startLine(): string;

  protected head(bodyLength: number): string {
    return `${this.startLine()}\r\n${this.headers.serialize('Content-Length')}Content-Length: ${bodyLength}\r\n\r\n`;
  }

  #nameAddr(name: string): NameAddr | undefined {
    const value = this.headers.get(name);
    return value === undefined ? undefined : parseNameAddr(value);
  }

  #missing<T>(name: string, placeholder: T): T {
    if (this.#parts?.lenient) return placeholder;
    throw new AppError('SIP_INVALID', `the message has no valid ${name}`);
  }
}

/** A SIP request. */
export class SipRequest extends SipMessageBase {
  readonly kind = 'request';

  constructor(
    public method: string,
    public uri: string,
  ) {
    super();
    if (!isToken(method)) throw new AppError('SIP_INVALID', 'the method is no token');
    if (uri === '' || /[\x00-\x20\x7f]/.test(uri))
      throw new AppError('SIP_INVALID', 'the request URI holds white space or controls');
  }

  /** 0 … 255; undefined when absent or out of range (RFC 4475 §3.1.2.4 lets it count as absent). */
  get maxForwards(): number | undefined {
    const value = this.headers.get('Max-Forwards');
    const hops = value === undefined ? -1 : readNumber(value, 0, value.length, 255);
    return hops === -1 ? undefined : hops;
  }

  protected override startLine(): string {
    return `${this.method} ${this.uri} SIP/2.0`;
  }
}

/** A SIP response. */
export class SipResponse extends SipMessageBase {
  readonly kind = 'response';
  readonly reason: string;

  constructor(
    readonly status: number,
    reason?: string,
  ) {
    super();
    this.reason = reason ?? reasonPhrase(status);
    if (!Number.isInteger(status) || status < 100 || status > 699) {
      throw new AppError('SIP_INVALID', `no SIP status: ${status}`);
    }
    if (/[\r\n\0]/.test(this.reason))
      throw new AppError('SIP_INVALID', 'the reason phrase holds a line end or NUL');
  }

  /**
   * The response to a request (RFC 3261 §8.2.6, §12.1.1): Via, From, To, Call-ID and CSeq are copied, Timestamp into a 100,
   * Record-Route into 101–299 of a request that makes a dialog. `toTag` is added when the request's To has none; never to a 100.
   * Takes requests that were malformed too, as far as they are readable.
   */
  static reply(request: SipRequest, status: number, reason?: string, toTag?: string): SipResponse {
    const response = new SipResponse(status, reason);
    const { headers } = response;
    for (const via of request.headers.getAll('Via')) headers.appendParsed('Via', via);
    if (status > 100 && status < 300 && formsDialog(request.method)) {
      for (const route of request.headers.getAll('Record-Route')) headers.appendParsed('Record-Route', route);
    }
    copyFirst(request, response, 'From');
    const to = request.headers.get('To');
    if (to !== undefined) {
      const tagged = toTag === undefined || status === 100 || request.toTag !== undefined;
      headers.appendParsed('To', tagged ? to : addToTag(to, toTag));
    }
    copyFirst(request, response, 'Call-ID');
    copyFirst(request, response, 'CSeq');
    if (status === 100) copyFirst(request, response, 'Timestamp');
    return response;
  }

  protected override startLine(): string {
    return `SIP/2.0 ${this.status} ${this.reason}`;
  }
}

export type SipMessage = SipRequest | SipResponse;

function formsDialog(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'REFER' || method === 'NOTIFY';
}

function copyFirst(request: SipRequest, response: SipResponse, name: string): void {
  const value = request.headers.get(name);
  if (value !== undefined) response.headers.appendParsed(name, value);
}

function addToTag(to: string, tag: string): string {
  if (!isToken(tag)) throw new AppError('SIP_INVALID', 'the To tag is no token');
  return parseNameAddr(to) === undefined ? to : `${to};tag=${tag}`;
}
