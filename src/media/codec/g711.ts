/**
 * G.711 by tables: a look-up a sample both ways, and one between the laws. PCM is 16-bit signed, 8 kHz; a byte is a sample.
 * The encoder tables (64 KiB each) are built at the first use.
 */

const MU_BIAS = 0x84;
const MU_CLIP = 32_635;

/** What silence is on the wire in either law. */
export const MU_SILENCE = 0xff;
export const A_SILENCE = 0xd5;

function muSample(byte: number): number {
  const inverted = ~byte & 0xff;
  const magnitude = (((inverted & 0x0f) << 3) + MU_BIAS) << ((inverted & 0x70) >> 4);
  return (inverted & 0x80) === 0 ? magnitude - MU_BIAS : MU_BIAS - magnitude;
}

function aSample(byte: number): number {
  const inverted = byte ^ 0x55;
  const segment = (inverted & 0x70) >> 4;
  const mantissa = ((inverted & 0x0f) << 4) + (segment === 0 ? 8 : 0x108);
  const magnitude = segment > 1 ? mantissa << (segment - 1) : mantissa;
  return (inverted & 0x80) === 0 ? -magnitude : magnitude;
}

function muByte(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), MU_CLIP) + MU_BIAS;
  const segment = 24 - Math.clz32(magnitude);
  const mantissa = (magnitude >> (segment + 3)) & 0x0f;
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | mantissa) & 0xff;
}

function aByte(sample: number): number {
  // The negative half begins at -1: -1…-16 is the first step below zero (G.711 table 1b).
  const magnitude = Math.min(sample < 0 ? ~sample : sample, 0x7fff) >> 4;
  const segment = Math.max(0, 28 - Math.clz32(magnitude));
  const mantissa = (segment > 1 ? magnitude >> (segment - 1) : magnitude) & 0x0f;
  return ((sample < 0 ? 0 : 0x80) | (segment << 4) | mantissa) ^ 0x55;
}

const MU_DECODE = Int16Array.from({ length: 256 }, (_, byte) => muSample(byte));
const A_DECODE = Int16Array.from({ length: 256 }, (_, byte) => aSample(byte));

/** The A-law byte of each mu-law byte, and back. */
export const MU_TO_A = Uint8Array.from(MU_DECODE, aByte);
export const A_TO_MU = Uint8Array.from(A_DECODE, muByte);

let muTable: Uint8Array | undefined;
let aTable: Uint8Array | undefined;

/** By the sample's 16 bits read as unsigned. */
function buildTable(byteOf: (sample: number) => number): Uint8Array {
  const table = new Uint8Array(65_536);
  for (let index = 0; index < 65_536; index++) table[index] = byteOf((index << 16) >> 16);
  return table;
}

function encodeInto(target: Uint8Array, pcm: Int16Array, table: Uint8Array): void {
  for (let index = 0; index < pcm.length; index++) target[index] = table[pcm[index]! & 0xffff]!;
}

function decodeInto(target: Int16Array, bytes: Uint8Array, table: Int16Array): void {
  for (let index = 0; index < bytes.length; index++) target[index] = table[bytes[index]!]!;
}

/** `target` is at least as long as `pcm`. */
export function encodeMuInto(target: Uint8Array, pcm: Int16Array): void {
  encodeInto(target, pcm, (muTable ??= buildTable(muByte)));
}

/** `target` is at least as long as `pcm`. */
export function encodeAInto(target: Uint8Array, pcm: Int16Array): void {
  encodeInto(target, pcm, (aTable ??= buildTable(aByte)));
}

/** `target` is at least as long as `bytes`. */
export function decodeMuInto(target: Int16Array, bytes: Uint8Array): void {
  decodeInto(target, bytes, MU_DECODE);
}

/** `target` is at least as long as `bytes`. */
export function decodeAInto(target: Int16Array, bytes: Uint8Array): void {
  decodeInto(target, bytes, A_DECODE);
}

/** From one law to the other: `map` is `MU_TO_A` or `A_TO_MU`. May be done in place. */
export function translateInto(target: Uint8Array, bytes: Uint8Array, map: Uint8Array): void {
  for (let index = 0; index < bytes.length; index++) target[index] = map[bytes[index]!]!;
}

export function encodeMu(pcm: Int16Array): Uint8Array {
  const bytes = new Uint8Array(pcm.length);
  encodeMuInto(bytes, pcm);
  return bytes;
}

export function encodeA(pcm: Int16Array): Uint8Array {
  const bytes = new Uint8Array(pcm.length);
  encodeAInto(bytes, pcm);
  return bytes;
}

export function decodeMu(bytes: Uint8Array): Int16Array {
  const pcm = new Int16Array(bytes.length);
  decodeMuInto(pcm, bytes);
  return pcm;
}

export function decodeA(bytes: Uint8Array): Int16Array {
  const pcm = new Int16Array(bytes.length);
  decodeAInto(pcm, bytes);
  return pcm;
}
