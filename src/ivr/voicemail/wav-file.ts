import { open, rename } from 'node:fs/promises';

/** A header longer than this is none of ours. */
const MAX_HEADER_BYTES = 4096;

export interface WavMeasure {
  readonly durationMs: number;
  /** Of the file. */
  readonly bytes: number;
}

interface WavLayout extends WavMeasure {
  /** Where the size of the data stands. */
  readonly sizeAt: number;
  readonly dataBytes: number;
}

/** How long a WAV is, by what is really there; undefined where it is none, or cannot be read. */
export async function measureWav(path: string): Promise<WavMeasure | undefined> {
  const layout = await readLayout(path);
  return layout === undefined ? undefined : { durationMs: layout.durationMs, bytes: layout.bytes };
}

/** Makes a WAV that a crash cut off whole again, and gives it its name; undefined where nothing can be made of it. */
export async function mendWav(part: string, path: string): Promise<WavMeasure | undefined> {
  const layout = await readLayout(part);
  if (layout === undefined) return undefined;
  try {
    const file = await open(part, 'r+');
    try {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(layout.bytes - 8);
      await file.write(size, 0, 4, 4);
      size.writeUInt32LE(layout.dataBytes);
      await file.write(size, 0, 4, layout.sizeAt);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
    return { durationMs: layout.durationMs, bytes: layout.bytes };
  } catch {
    return undefined;
  }
}

async function readLayout(path: string): Promise<WavLayout | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const head = Buffer.alloc(Math.min(MAX_HEADER_BYTES, size));
      await file.read(head, 0, head.length, 0);
      return layoutOf(head, size);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** Chunks up to `data`, as in RIFF: a name of four letters, a size, and that many bytes, padded to even. */
function layoutOf(head: Buffer, fileBytes: number): WavLayout | undefined {
  if (
    head.length < 44 ||
    head.toString('latin1', 0, 4) !== 'RIFF' ||
    head.toString('latin1', 8, 12) !== 'WAVE'
  )
    return undefined;
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= head.length;) {
    const name = head.toString('latin1', at, at + 4);
    const size = head.readUInt32LE(at + 4);
    if (name === 'fmt ' && at + 20 <= head.length) bytesPerSecond = head.readUInt32LE(at + 16);
    if (name === 'data') {
      if (bytesPerSecond === 0) return undefined;
      const dataBytes = fileBytes - at - 8;
      return {
        sizeAt: at + 4,
        dataBytes,
        bytes: fileBytes,
        durationMs: Math.floor((dataBytes * 1000) / bytesPerSecond),
      };
    }
    at += 8 + size + (size % 2);
  }
  return undefined;
}
