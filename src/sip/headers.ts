import { AppError } from '../base/errors.js';
import { isToken, trimSpace } from './chars.js';
import { headerKey, isSplitAtCommas, knownName } from './header-names.js';
import { splitList } from './params.js';

/** One header field line: canonical long name (an unknown name as sent) and its value on one line. */
export interface HeaderLine {
  name: string;
  value: string;
}

const FORBIDDEN = /[\r\n\0]/;

/**
 * The header fields of a message, in order and with repeats. Names are taken in any case and in compact form.
 * `set`, `add` and `prepend` throw `AppError` SIP_INVALID for a name that is no token and for CR, LF or NUL in either.
 */
export class SipHeaders implements Iterable<[name: string, value: string]> {
  readonly #names: string[] = [];
  readonly #keys: string[] = [];
  readonly #values: string[] = [];

  get size(): number {
    return this.#names.length;
  }

  /** The value of the first line of that name. */
  get(name: string): string | undefined {
    const index = this.#keys.indexOf(headerKey(name));
    return index === -1 ? undefined : this.#values[index];
  }

  /** The values of all lines of that name, one a line. */
  getAll(name: string): string[] {
    const key = headerKey(name);
    const found: string[] = [];
    for (let i = this.#keys.indexOf(key); i !== -1; i = this.#keys.indexOf(key, i + 1))
      found.push(this.#values[i]!);
    return found;
  }

  /** All values of that name, split at top-level commas where the field is a list (Via, Route, Contact, Supported …). */
  list(name: string): string[] {
    const key = headerKey(name);
    const lines = this.getAll(key);
    if (!isSplitAtCommas(key)) return lines;
    return lines.length === 1 ? splitList(lines[0]!) : lines.flatMap(splitList);
  }

  has(name: string): boolean {
    return this.#keys.includes(headerKey(name));
  }

  /** Replaces all lines of that name by one, in the place of the first. */
  set(name: string, value: string): void {
    const clean = checkLine(name, value);
    const key = headerKey(name);
    const index = this.#keys.indexOf(key);
    if (index === -1) {
      this.appendParsed(name, clean);
      return;
    }
    this.#values[index] = clean;
    this.#removeFrom(key, index + 1);
  }

  /** Adds a line at the end. */
  add(name: string, value: string): void {
    this.appendParsed(name, checkLine(name, value));
  }

  /** Adds a line before the first one of that name, or before all others. */
  prepend(name: string, value: string): void {
    const clean = checkLine(name, value);
    const key = headerKey(name);
    const index = Math.max(0, this.#keys.indexOf(key));
    this.#names.splice(index, 0, knownName(name) ?? name);
    this.#keys.splice(index, 0, key);
    this.#values.splice(index, 0, clean);
  }

  delete(name: string): void {
    this.#removeFrom(headerKey(name), 0);
  }

  /** Removes the first line of that name only. */
  deleteFirst(name: string): void {
    const index = this.#keys.indexOf(headerKey(name));
    if (index !== -1) this.#removeAt(index);
  }

  /** The lines as objects. */
  lines(): HeaderLine[] {
    return this.#names.map((name, index) => ({ name, value: this.#values[index]! }));
  }

  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i]!, this.#values[i]!];
  }

  /**
   * Adds a line that the parser or this room has checked already.
   * @internal
   */
  appendParsed(name: string, value: string): void {
    const key = headerKey(name);
    // For a known field the key is its canonical name.
    this.#names.push(key.length === name.length && key === name.toLowerCase() ? name : key);
    this.#keys.push(key);
    this.#values.push(value);
  }

  /** The lines as they stand in a message, each ended by CRLF, without those of `exceptKey` (a canonical name). */
  serialize(exceptKey?: string): string {
    let out = '';
    for (let i = 0; i < this.#names.length; i++) {
      if (this.#keys[i] !== exceptKey) out += `${this.#names[i]!}: ${this.#values[i]!}\r\n`;
    }
    return out;
  }

  #removeFrom(key: string, from: number): void {
    for (let i = this.#keys.indexOf(key, from); i !== -1; i = this.#keys.indexOf(key, i)) this.#removeAt(i);
  }

  #removeAt(index: number): void {
    this.#names.splice(index, 1);
    this.#keys.splice(index, 1);
    this.#values.splice(index, 1);
  }
}

function checkLine(name: string, value: string): string {
  if (!isToken(name))
    throw new AppError('SIP_INVALID', `not a header name: ${JSON.stringify(name.slice(0, 64))}`);
  if (FORBIDDEN.test(value)) {
    throw new AppError(
      'SIP_INVALID',
      `the value of ${name} holds a line end or NUL, which would inject headers`,
    );
  }
  return trimSpace(value);
}
