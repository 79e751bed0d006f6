/** A byte beyond ASCII was found. */
export const HIGH = 1;
/** A control character other than tab and the CR LF at line ends was found. */
export const CONTROLS = 2;
/** Two spaces in a row or a tab may be there: a value may need `collapseSpace`. */
export const RUNS = 4;

/** Each byte's top bit, as a signed 32-bit number. */
const TOPS = 0x80808080 | 0;

/**
 * Looks at the bytes from `from` to `end`, four at a time: a header section is long and nearly always plain ASCII.
 * @returns `HIGH`, `CONTROLS` and `RUNS` or-ed
 */
export function scanBytes(bytes: Buffer, from: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lastWord = end - 4;
  let found = 0;
  let endedWithSpace = 0;
  let i = from;
  while (i <= lastWord) {
    const word = view.getInt32(i, true);
    // A byte below 0x20 borrows from its top bit; one above 0x7f has it set. 0x7f is told by adding one to each byte.
    if ((((word - 0x20202020) & ~word) | word | (word + 0x01010101)) & TOPS)
      found |= scanEach(bytes, i, i + 4);
    // The top bit of each byte that is a space; a byte 0x21 above a space shows too, which does no harm.
    const other = word ^ 0x20202020;
    const spaces = (other - 0x01010101) & ~other & TOPS;
    if (spaces !== 0) {
      if ((spaces & (spaces >>> 8)) !== 0 || (endedWithSpace & spaces & 0x80) !== 0) found |= RUNS;
      endedWithSpace = spaces < 0 ? 0x80 : 0;
    } else {
      endedWithSpace = 0;
    }
    i += 4;
  }
  return found | scanEach(bytes, i, end);
}

function scanEach(bytes: Buffer, from: number, end: number): number {
  let found = 0;
  for (let i = from; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) found |= HIGH;
    else if (byte === 0x7f) found |= CONTROLS;
    else if (byte === 0x20 && bytes[i - 1] === 0x20) found |= RUNS;
    else if (byte === 0x09) found |= RUNS;
    else if (byte < 0x20 && byte !== 0x0a && !(byte === 0x0d && bytes[i + 1] === 0x0a)) found |= CONTROLS;
  }
  return found;
}
