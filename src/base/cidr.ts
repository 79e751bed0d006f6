import { AppError } from './errors.js';

/** A set of address blocks; a look-up takes well under a microsecond with 100,000 entries. */
export interface CidrSet {
  /** Number of entries it was made from. */
  readonly size: number;
  /** Whether the address (IPv4, IPv6, or IPv4 mapped into IPv6; a zone `%eth0` is ignored) lies in a block. False for what is no address. */
  has(address: string): boolean;
  /** The narrowest block the address lies in, as it was written. */
  match(address: string): string | undefined;
}

/** A block: `address`, or `address/bits`. */
export interface Cidr {
  readonly family: 4 | 6;
  /** Length of the prefix: 0–32 or 0–128. */
  readonly bits: number;
  /** The four 32-bit words of the first address (IPv4: one word), bits beyond the prefix cleared. */
  readonly words: readonly number[];
  /** Whether the address as written had bits beyond the prefix, as in `10.0.0.1/8`. */
  readonly hostBits: boolean;
}

const scratch = new Uint32Array(4);

/** Reads a block, or says what is wrong with it. */
export function parseCidr(text: string): Cidr | { readonly error: string } {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const v4 = parseIPv4(address, 0, address.length);
  const family = v4 !== -1 ? 4 : parseIPv6(address, scratch) ? 6 : undefined;
  if (family === undefined)
    return { error: `${JSON.stringify(text)} is no IPv4 or IPv6 address or block (as in 192.0.2.0/24)` };
  const width = family === 4 ? 32 : 128;
  const suffix = slash === -1 ? String(width) : text.slice(slash + 1);
  const bits = /^\d{1,3}$/.test(suffix) ? Number(suffix) : -1;
  if (bits < 0 || bits > width) {
    return { error: `${JSON.stringify(text)}: the length after the slash must be 0 to ${width}` };
  }
  const full = family === 4 ? [v4] : [...scratch];
  const words = full.map((word, index) => maskWord(word, bits - 32 * index));
  return { family, bits, words, hostBits: words.some((word, index) => word !== full[index]) };
}

/** `address`, `address/bits` … as a set. Bits beyond the prefix are ignored. Throws AppError SETTINGS_INVALID that names the first bad entry. */
export function createCidrSet(entries: readonly string[]): CidrSet {
  const v4: Block<number>[] = [];
  const v6: Block<bigint>[] = [];
  entries.forEach((text, index) => {
    const cidr = parseCidr(text);
    if ('error' in cidr) throw new AppError('SETTINGS_INVALID', cidr.error);
    if (cidr.family === 4) {
      const start = cidr.words[0]!;
      v4.push({ start, next: start + 2 ** (32 - cidr.bits), index });
    } else {
      const start = cidr.words.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
      v6.push({ start, next: start + (1n << BigInt(128 - cidr.bits)), index });
    }
  });
  const flat4 = flatten(v4, 0);
  const starts4 = Uint32Array.from(flat4.starts);
  const flat6 = flatten(v6, 0n);
  const starts6 = new Uint32Array(flat6.starts.length * 4);
  flat6.starts.forEach((start, segment) => {
    for (let word = 0; word < 4; word++) {
      starts6[segment * 4 + word] = Number((start >> BigInt(96 - 32 * word)) & 0xffffffffn);
    }
  });

  /** The entry's index, or -1. */
  function find(address: string): number {
    const single = parseIPv4(address, 0, address.length);
    if (single !== -1) return find4(single);
    if (!parseIPv6(address, scratch)) return -1;
    const mapped = scratch[0] === 0 && scratch[1] === 0 && scratch[2] === 0xffff;
    return mapped ? find4(scratch[3]!) : find6();
  }

  function find4(value: number): number {
    let low = 0;
    let high = starts4.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts4[middle]! <= value) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? -1 : flat4.owners[low - 1]!;
  }

  function find6(): number {
    let low = 0;
    let high = flat6.owners.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (startsAtOrBefore(middle * 4)) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? -1 : flat6.owners[low - 1]!;
  }

  function startsAtOrBefore(offset: number): boolean {
    for (let word = 0; word < 4; word++) {
      const start = starts6[offset + word]!;
      const wanted = scratch[word]!;
      if (start !== wanted) return start < wanted;
    }
    return true;
  }

  return {
    size: entries.length,
    has: (address) => find(address) !== -1,
    match: (address) => entries[find(address)],
  };
}

interface Block<T extends number | bigint> {
  readonly start: T;
  /** The first address after it. */
  readonly next: T;
  readonly index: number;
}

/**
 * Blocks nest or lie apart, never overlap in part. So one sweep with a stack cuts the address space into segments, each owned by
 * its narrowest block (-1: by none), and a look-up is one binary search.
 */
function flatten<T extends number | bigint>(
  blocks: Block<T>[],
  zero: T,
): { starts: T[]; owners: Int32Array } {
  const starts: T[] = [];
  const owners: number[] = [];
  const begin = (start: T, owner: number): void => {
    if (starts.length > 0 && starts[starts.length - 1] === start) owners[owners.length - 1] = owner;
    else {
      starts.push(start);
      owners.push(owner);
    }
  };
  const enclosing: Block<T>[] = [];
  const leaveUntil = (start: T | undefined): void => {
    for (let top = enclosing.at(-1); top !== undefined; top = enclosing.at(-1)) {
      if (start !== undefined && top.next > start) return;
      enclosing.pop();
      begin(top.next, enclosing.at(-1)?.index ?? -1);
    }
  };
  blocks.sort((a, b) =>
    a.start < b.start ? -1 : a.start > b.start ? 1 : a.next > b.next ? -1 : a.next < b.next ? 1 : 0,
  );
  for (const block of blocks) {
    leaveUntil(block.start);
    enclosing.push(block);
    begin(block.start, block.index);
  }
  leaveUntil(undefined);
  // The end of the address space does not fit into its own width; nothing lies behind it.
  const limit = typeof zero === 'number' ? 2 ** 32 : 1n << 128n;
  if (starts.length > 0 && starts[starts.length - 1]! >= limit) {
    starts.pop();
    owners.pop();
  }
  return { starts, owners: Int32Array.from(owners) };
}

/** `word` with only its `bits` highest bits kept (0 or less: none, 32 or more: all). */
function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
}

/** Dotted decimal between `from` and `end` as an unsigned number; -1 when it is none. Leading zeros are refused: some read them as octal. */
function parseIPv4(text: string, from: number, end: number): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  if (end - from > 15) return -1;
  for (let i = from; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (octet === -1 || ++dots > 3) return -1;
      value = value * 256 + octet;
      octet = -1;
    } else {
      const digit = code - 0x30;
      if (digit < 0 || digit > 9 || octet === 0) return -1;
      octet = octet === -1 ? digit : octet * 10 + digit;
      if (octet > 255) return -1;
    }
  }
  return dots === 3 && octet !== -1 ? value * 256 + octet : -1;
}

/** RFC 4291 §2.2 text into four words; false when it is none. */
function parseIPv6(text: string, words: Uint32Array): boolean {
  const zone = text.indexOf('%');
  const end = zone === -1 ? text.length : zone;
  if (end < 2 || end > 45) return false;
  const groups: number[] = [];
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === 0x3a) {
    if (text.charCodeAt(1) !== 0x3a) return false;
    gap = 0;
    i = 2;
  }
  while (i < end) {
    let value = 0;
    const start = i;
    for (; i < end; i++) {
      const digit = hexDigit(text.charCodeAt(i));
      if (digit === -1) break;
      value = value * 16 + digit;
    }
    const next = i < end ? text.charCodeAt(i) : 0;
    if (next === 0x2e) {
      const v4 = parseIPv4(text, start, end);
      if (v4 === -1) return false;
      groups.push(v4 >>> 16, v4 & 0xffff);
      break;
    }
    if (i === start || i - start > 4) return false;
    groups.push(value);
    if (groups.length > 8) return false;
    if (i === end) break;
    if (next !== 0x3a || ++i === end) return false;
    if (text.charCodeAt(i) === 0x3a) {
      if (gap !== -1) return false;
      gap = groups.length;
      i++;
    }
  }
  const missing = 8 - groups.length;
  if (gap === -1 ? missing !== 0 : missing < 1) return false;
  if (gap !== -1) groups.splice(gap, 0, ...new Array<number>(missing).fill(0));
  for (let word = 0; word < 4; word++) words[word] = groups[word * 2]! * 65536 + groups[word * 2 + 1]!;
  return true;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
