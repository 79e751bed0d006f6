import { AppError } from '../base/errors.js';
import { DIGIT, isToken, readNumber, skipClass, skipSpace } from './chars.js';
import { SipHeaders } from './headers.js';
import { NameAddr, parseNameAddr } from './name-addr.js';
import { splitList } from './params.js';
import { isCallId } from './replaces.js';
import { reasonPhrase } from './status.js';
import { parseVia, parseViaLoosely, type Via } from './via.js';

/** CSeq (RFC 3261 §20.16). */
export interface CSeq {
  /** 0 … 2³²−1 */
  readonly seq: number;
  readonly method: string;
}

const MAX_CSEQ = 0xffffffff;

/** Reads a CSeq value; undefined when it is malformed or too large (RFC 4475 §3.1.2.4). */
export function parseCSeq(text: string): CSeq | undefined {
  const end = skipClass(text, 0, text.length, DIGIT);
  const seq = readNumber(text, 0, end, MAX_CSEQ);
  const methodStart = skipSpace(text, end);
  const method = text.slice(methodStart);
  return seq === -1 || methodStart === end || !isToken(method) ? undefined : { seq, method };
}

/** A header value and what was read from it; read anew once the header has another value. */
interface Cached<T> {
  readonly raw: string;
  readonly parsed: T;
}

/** A part of the received bytes. */
export interface BodySource {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What requests and responses have in common. Getters read the headers as they are at that moment. */
abstract class SipMessageBase {
  readonly headers = new SipHeaders();
  /** Undefined: not decoded yet. */
  #body: string | undefined = '';
  #source: BodySource | undefined;
  #lenient = false;
  #via: Cached<Via> | undefined;
  #from: Cached<NameAddr> | undefined;
  #to: Cached<NameAddr> | undefined;
  #cseq: Cached<CSeq> | undefined;
  #contact: Cached<NameAddr | undefined> | undefined;

  /** The body as UTF-8 text, `''` when there is none. */
  get body(): string {
    if (this.#body === undefined) {
      const { bytes, start, end } = this.#source!;
      this.#body = bytes.toString('utf8', start, end);
    }
    return this.#body;
  }

  set body(text: string) {
    this.#body = text;
    this.#source = undefined;
  }

  /** The body as it came, for contents that are no text. Must not be changed in place. */
  get bodyBytes(): Buffer {
    if (this.#source === undefined) return Buffer.from(this.#body ?? '', 'utf8');
    const { bytes, start, end } = this.#source;
    return bytes.subarray(start, end);
  }

  set bodyBytes(bytes: Buffer) {
    this.#source = { bytes, start: 0, end: bytes.length };
    this.#body = undefined;
  }

  /**
   * The parser's way to set the body without copying or decoding it.
   * @internal
   */
  adoptBody(source: BodySource): void {
    this.#source = source;
    this.#body = undefined;
  }

  get callId(): string {
    return this.headers.first('Call-ID') ?? this.#missing('Call-ID', '');
  }

  get cseq(): CSeq {
    const raw = this.headers.first('CSeq');
    if (raw === undefined) return this.#missing('CSeq', { seq: 0, method: '' });
    if (this.#cseq?.raw !== raw) {
      this.#cseq = { raw, parsed: parseCSeq(raw) ?? this.#missing('CSeq', { seq: 0, method: '' }) };
    }
    return this.#cseq.parsed;
  }

  get from(): NameAddr {
    const raw = this.headers.first('From');
    if (raw === undefined) return this.#missing('From', NOBODY);
    if (this.#from?.raw !== raw)
      this.#from = { raw, parsed: parseNameAddr(raw) ?? this.#missing('From', NOBODY) };
    return this.#from.parsed;
  }

  get to(): NameAddr {
    const raw = this.headers.first('To');
    if (raw === undefined) return this.#missing('To', NOBODY);
    if (this.#to?.raw !== raw) this.#to = { raw, parsed: parseNameAddr(raw) ?? this.#missing('To', NOBODY) };
    return this.#to.parsed;
  }

  get fromTag(): string | undefined {
    return this.from.tag;
  }

  get toTag(): string | undefined {
    return this.to.tag;
  }

  /** The topmost Via. To change it, write a new one to the headers; the object is shared. */
  get topVia(): Via {
    const raw = this.headers.first('Via');
    if (raw === undefined) return this.#missing('Via', nowhere());
    if (this.#via?.raw !== raw) {
      const first = firstOf(raw);
      const parsed = parseVia(first) ?? (this.#lenient ? parseViaLoosely(first) : undefined);
      this.#via = { raw, parsed: parsed ?? this.#missing('Via', nowhere()) };
    }
    return this.#via.parsed;
  }

  /** The first Contact; undefined when there is none, or `*`. */
  get contact(): NameAddr | undefined {
    const raw = this.headers.first('Contact');
    if (raw === undefined) return undefined;
    if (this.#contact?.raw !== raw) this.#contact = { raw, parsed: parseNameAddr(firstOf(raw)) };
    return this.#contact.parsed;
  }

  /** The message as text with a Content-Length of our own. A body that is no UTF-8 text survives in `toBuffer` only. */
  serialize(): string {
    const body = this.body;
    return `${this.#head(body === '' ? 0 : Buffer.byteLength(body, 'utf8'))}${body}`;
  }

  /** The message as bytes for the wire. */
  toBuffer(): Buffer {
    if (this.#source === undefined) return Buffer.from(this.serialize(), 'utf8');
    const { bytes, start, end } = this.#source;
    return Buffer.concat([Buffer.from(this.#head(end - start), 'utf8'), bytes.subarray(start, end)]);
  }

  /** The start line without its line end. */
  abstract get startLine(): string;

  /**
   * Makes getters give placeholders where a malformed message has nothing to give.
   * @internal
   */
  becomeLenient(): void {
    this.#lenient = true;
  }

  /**
   * Reads and keeps what every message must have; names the first field that is missing or malformed.
   * @internal
   */
  readMandatory(): string | undefined {
    const { headers } = this;
    const via = headers.first('Via');
    const viaParsed = via === undefined ? undefined : parseVia(firstOf(via));
    if (viaParsed === undefined) return 'Via';
    this.#via = { raw: via!, parsed: viaParsed };
    const from = headers.first('From');
    const fromParsed = from === undefined ? undefined : parseNameAddr(from);
    if (fromParsed === undefined) return 'From';
    this.#from = { raw: from!, parsed: fromParsed };
    const to = headers.first('To');
    const toParsed = to === undefined ? undefined : parseNameAddr(to);
    if (toParsed === undefined) return 'To';
    this.#to = { raw: to!, parsed: toParsed };
    const callId = headers.first('Call-ID');
    if (callId === undefined || !isCallId(callId)) return 'Call-ID';
    const cseq = headers.first('CSeq');
    const cseqParsed = cseq === undefined ? undefined : parseCSeq(cseq);
    if (cseqParsed === undefined) return 'CSeq';
    this.#cseq = { raw: cseq!, parsed: cseqParsed };
    return headers.first('Contact') === undefined || this.#readContacts() ? undefined : 'Contact';
  }

  #readContacts(): boolean {
    const first = this.contact;
    if (first !== undefined && this.headers.isSingle('Contact')) return true;
    const contacts = this.headers.list('Contact');
    return (
      (contacts.length === 1 && contacts[0] === '*') || (contacts.length > 0 && contacts.every(isNameAddr))
    );
  }

  #head(bodyLength: number): string {
    return `${this.startLine}\r\n${this.headers.serialize()}Content-Length: ${bodyLength}\r\n\r\n`;
  }

  #missing<T>(name: string, placeholder: T): T {
    if (this.#lenient) return placeholder;
    throw new AppError('SIP_INVALID', `the message has no valid ${name}`);
  }
}

const NOBODY = new NameAddr('sip:anonymous@anonymous.invalid');

function nowhere(): Via {
  return { protocol: 'SIP/2.0', transport: 'UDP', host: 'invalid', params: new Map() };
}

function isNameAddr(text: string): boolean {
  return parseNameAddr(text) !== undefined;
}

function firstOf(value: string): string {
  return value.includes(',') ? (splitList(value)[0] ?? '') : value;
}

/** A SIP request. */
export class SipRequest extends SipMessageBase {
  readonly kind = 'request';

  /**
   * @param isChecked only the parser says so: it has looked at both already
   * @throws AppError SIP_INVALID when the method is no token or the URI is empty or holds white space or controls
   */
  constructor(
    public method: string,
    public uri: string,
    isChecked = false,
  ) {
    super();
    if (isChecked) return;
    if (!isToken(method)) throw new AppError('SIP_INVALID', 'the method is no token');
    if (!/^[^\x00-\x20\x7f]+$/.test(uri)) {
      throw new AppError('SIP_INVALID', 'the request URI is empty or holds white space or controls');
    }
  }

  /** 0 … 255; undefined when absent or above that (RFC 4475 §3.1.2.4 lets it count as absent). */
  get maxForwards(): number | undefined {
    const value = this.headers.first('Max-Forwards');
    const hops = value === undefined ? -1 : readNumber(value, 0, value.length, 255);
    return hops === -1 ? undefined : hops;
  }

  override get startLine(): string {
    return `${this.method} ${this.uri} SIP/2.0`;
  }
}

/** A SIP response. */
export class SipResponse extends SipMessageBase {
  readonly kind = 'response';
  readonly reason: string;

  /** @throws AppError SIP_INVALID for a status outside 100–699 and for a line end or NUL in the phrase. */
  constructor(
    readonly status: number,
    reason?: string,
  ) {
    super();
    this.reason = reason ?? reasonPhrase(status);
    if (!Number.isInteger(status) || status < 100 || status > 699) {
      throw new AppError('SIP_INVALID', `no SIP status: ${status}`);
    }
    if (/[\r\n\0]/.test(this.reason)) throw new AppError('SIP_INVALID', 'the phrase holds a line end or NUL');
  }

  /**
   * The response to a request (RFC 3261 §8.2.6, §12.1.1): Via, From, To, Call-ID and CSeq are copied, Timestamp into a 100,
   * Record-Route into 101–299 of a request that makes a dialog. `toTag` is added when the request's To has none; never to a 100.
   * Takes requests that were malformed too, as far as they are readable.
   */
  static reply(request: SipRequest, status: number, reason?: string, toTag?: string): SipResponse {
    const response = new SipResponse(status, reason);
    copyAll(request, response, 'Via');
    if (status > 100 && status < 300 && formsDialog(request.method))
      copyAll(request, response, 'Record-Route');
    copyFirst(request, response, 'From');
    const to = request.headers.first('To');
    if (to !== undefined) {
      const untouched = toTag === undefined || status === 100 || request.toTag !== undefined;
      response.headers.appendChecked('To', 'To', untouched ? to : withTag(to, toTag));
    }
    copyFirst(request, response, 'Call-ID');
    copyFirst(request, response, 'CSeq');
    if (status === 100) copyFirst(request, response, 'Timestamp');
    return response;
  }

  override get startLine(): string {
    return `SIP/2.0 ${this.status} ${this.reason}`;
  }
}

export type SipMessage = SipRequest | SipResponse;

function formsDialog(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'REFER' || method === 'NOTIFY';
}

function copyAll(request: SipRequest, response: SipResponse, name: string): void {
  for (const value of request.headers.getAll(name)) response.headers.appendChecked(name, name, value);
}

function copyFirst(request: SipRequest, response: SipResponse, name: string): void {
  const value = request.headers.get(name);
  if (value !== undefined) response.headers.appendChecked(name, name, value);
}

/** A To that cannot be read is given back as it came: a parameter might land inside a broken quoted string. */
function withTag(to: string, tag: string): string {
  if (!isToken(tag)) throw new AppError('SIP_INVALID', 'the To tag is no token');
  return parseNameAddr(to) === undefined ? to : `${to};tag=${tag}`;
}
