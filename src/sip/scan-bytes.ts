/** A byte beyond ASCII was found. */
export const HIGH = 1;
/** A control character other than tab and the CR LF at line ends was found. */
export const CONTROLS = 2;

/**
 * Looks at the bytes from `from` to `end`, four at a time: a header section is long and nearly always plain ASCII.
 * @returns `HIGH` and `CONTROLS` or-ed
 */
export function scanBytes(bytes: Buffer, from: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lastWord = end - 4;
  let found = 0;
  let i = from;
  while (i <= lastWord) {
    const word = view.getInt32(i, true);
    // A byte below 0x20 borrows from its top bit; one above 0x7f has it set. 0x7f is told by adding one to each byte.
    if ((((word - 0x20202020) & ~word) | word | (word + 0x01010101)) & 0x80808080)
      found |= scanEach(bytes, i, i + 4);
    i += 4;
  }
  return found | scanEach(bytes, i, end);
}

function scanEach(bytes: Buffer, from: number, to: number): number {
  let found = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) found |= HIGH;
    else if (byte === 0x7f) found |= CONTROLS;
    else if (byte < 0x20 && byte !== 0x09) {
      if (byte !== 0x0a && !(byte === 0x0d && bytes[i + 1] === 0x0a)) found |= CONTROLS;
    }
  }
  return found;
}
