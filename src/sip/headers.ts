import { AppError } from '../base/errors.js';
import { isToken, trimSpace } from './chars.js';
import { headerKey, isSplitAtCommas } from './header-names.js';
import { splitList } from './params.js';

/** One header field line: canonical long name (an unknown name as sent) and its value on one line. */
export interface HeaderLine {
  name: string;
  value: string;
}

const FORBIDDEN = /[\r\n\0]/;

/** Beyond ASCII, or white space in a run. */
const UNUSUAL = /[^\x00-\x7f]|[ \t]{2}/;

/** Entries a line takes in the flat array: key, name, value. */
const STRIDE = 3;

/**
 * The header fields of a message, in order and with repeats. Names are taken in any case and in compact form.
 * `set`, `add` and `prepend` throw `AppError` SIP_INVALID for a name that is no token and for CR, LF or NUL in a value.
 */
export class SipHeaders implements Iterable<[name: string, value: string]> {
  /** Flat, since one array is cheaper to fill than an object a line. The key is what names are compared by. */
  readonly #fields: string[] = [];
  #plain = true;

  /** Number of lines. */
  get size(): number {
    return this.#fields.length / STRIDE;
  }

  /** The value of the first line of that name. */
  get(name: string): string | undefined {
    const index = this.#find(headerKey(name), 0);
    return index === -1 ? undefined : this.#fields[index + 2];
  }

  /** The values of all lines of that name, one a line. */
  getAll(name: string): string[] {
    const key = headerKey(name);
    const found: string[] = [];
    for (let i = this.#find(key, 0); i !== -1; i = this.#find(key, i + STRIDE))
      found.push(this.#fields[i + 2]!);
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
    return this.#find(headerKey(name), 0) !== -1;
  }

  /** Replaces all lines of that name by one, in the place of the first. */
  set(name: string, value: string): void {
    const clean = this.#check(name, value);
    const key = headerKey(name);
    const index = this.#find(key, 0);
    if (index === -1) {
      this.#fields.push(key, displayName(name, key), clean);
      return;
    }
    this.#fields[index + 2] = clean;
    this.#removeAll(key, index + STRIDE);
  }

  /** Adds a line at the end. */
  add(name: string, value: string): void {
    const clean = this.#check(name, value);
    const key = headerKey(name);
    this.#fields.push(key, displayName(name, key), clean);
  }

  /** Adds a line before the first one of that name, or before all others. */
  prepend(name: string, value: string): void {
    const clean = this.#check(name, value);
    const key = headerKey(name);
    const index = Math.max(0, this.#find(key, 0));
    this.#fields.splice(index, 0, key, displayName(name, key), clean);
  }

  delete(name: string): void {
    this.#removeAll(headerKey(name), 0);
  }

  /** Removes the first line of that name only. */
  deleteFirst(name: string): void {
    const index = this.#find(headerKey(name), 0);
    if (index !== -1) this.#fields.splice(index, STRIDE);
  }

  /** The lines as objects. */
  lines(): HeaderLine[] {
    return Array.from(this, ([name, value]) => ({ name, value }));
  }

  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (let i = 0; i < this.#fields.length; i += STRIDE) yield [this.#fields[i + 1]!, this.#fields[i + 2]!];
  }

  /**
   * As `get`, for a name that is canonical already.
   * @internal
   */
  first(key: string): string | undefined {
    const index = this.#find(key, 0);
    return index === -1 ? undefined : this.#fields[index + 2];
  }

  /**
   * Whether the field of that canonical name stands once and holds no comma.
   * @internal
   */
  isSingle(key: string): boolean {
    const index = this.#find(key, 0);
    return index !== -1 && !this.#fields[index + 2]!.includes(',') && this.#find(key, index + STRIDE) === -1;
  }

  /**
   * Adds a line that this room has checked: `key` is the canonical name, or the lower-case one of an unknown field.
   * @internal
   */
  appendChecked(key: string, name: string, value: string): void {
    this.#fields.push(key, name, value);
  }

  /**
   * Whether all values are ASCII and hold no runs of white space: nothing to look for then.
   * @internal
   */
  get isPlain(): boolean {
    return this.#plain;
  }

  /**
   * For the parser, which has seen it.
   * @internal
   */
  noteUnusual(): void {
    this.#plain = false;
  }

  /**
   * The lines as they stand in a message, each ended by CRLF, without Content-Length, which the writer sets itself. `rewrite` may
   * change a value, or leave the line out by giving undefined.
   * @internal
   */
  serialize(rewrite?: (key: string, value: string) => string | undefined): string {
    const fields = this.#fields;
    let out = '';
    for (let i = 0; i < fields.length; i += STRIDE) {
      const key = fields[i]!;
      if (key === 'Content-Length') continue;
      const value = rewrite === undefined ? fields[i + 2]! : rewrite(key, fields[i + 2]!);
      if (value !== undefined) out += `${fields[i + 1]!}: ${value}\r\n`;
    }
    return out;
  }

  /** Checks a line from our own code, and gives its value trimmed. */
  #check(name: string, value: string): string {
    if (!isToken(name))
      throw new AppError('SIP_INVALID', `not a header name: ${JSON.stringify(name.slice(0, 64))}`);
    if (FORBIDDEN.test(value)) {
      throw new AppError(
        'SIP_INVALID',
        `the value of ${name} holds a line end or NUL, which would inject headers`,
      );
    }
    if (UNUSUAL.test(value)) this.#plain = false;
    return trimSpace(value);
  }

  #find(key: string, from: number): number {
    const fields = this.#fields;
    for (let i = from; i < fields.length; i += STRIDE) {
      if (fields[i] === key) return i;
    }
    return -1;
  }

  #removeAll(key: string, from: number): void {
    for (let i = this.#find(key, from); i !== -1; i = this.#find(key, i)) this.#fields.splice(i, STRIDE);
  }
}

/** For a known field the key is its canonical name; an unknown one keeps the name as given. */
function displayName(name: string, key: string): string {
  return key.length === name.length && key === name.toLowerCase() ? name : key;
}
