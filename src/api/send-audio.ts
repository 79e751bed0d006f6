import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../base/errors.js';
import { ErrorSchema } from './schemas.js';

const Sound = Type.String({ format: 'binary', description: 'WAV' });

/** What a route that sends a sound may answer. */
export const AUDIO_RESPONSES = {
  200: { description: 'The sound', content: { 'audio/wav': { schema: Sound } } },
  206: { description: 'The part that was asked for', content: { 'audio/wav': { schema: Sound } } },
  404: ErrorSchema,
  416: Type.Null({ description: 'The sound has no such bytes' }),
};

/** Bytes of a file, the ends included. */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Sends a WAV file, whole or the one range that was asked for (RFC 9110 §14), read as the reader takes it. Its path comes from our own
 * rows, never from the request. Throws NOT_FOUND where the file is not there.
 */
export async function sendAudio(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<FastifyReply> {
  const { file, bytes } = await openSound(path);
  // Whoever has a part of another version cannot be told apart: sounds have no validators here (RFC 9110 §13.1.5).
  const asked = request.headers['if-range'] === undefined ? request.headers.range : undefined;
  const range = readRange(asked, bytes);
  void reply.headers({
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-store',
    'content-disposition': `inline; filename="${basename(path)}"`,
    'x-content-type-options': 'nosniff',
  });
  if (range === 'unsatisfiable') {
    await file.close();
    return reply.status(416).header('content-range', `bytes */${bytes}`).send();
  }
  const { start, end } = range ?? { start: 0, end: bytes - 1 };
  if (range !== undefined) void reply.status(206).header('content-range', `bytes ${start}-${end}/${bytes}`);
  void reply.type('audio/wav').header('content-length', end - start + 1);
  if (request.method === 'HEAD' || bytes === 0) {
    await file.close();
    // As a stream: Fastify takes the length of anything else for that of the answer to HEAD.
    return reply.send(Readable.from([]));
  }
  return reply.send(file.createReadStream({ start, end }));
}

async function openSound(path: string): Promise<{ file: FileHandle; bytes: number }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const found = await file.stat();
    if (found.isFile()) return { file, bytes: found.size };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      await file?.close();
      throw error;
    }
  }
  await file?.close();
  throw new AppError('NOT_FOUND', 'the sound is not on disk: it is still being recorded, or was deleted');
}

/** Undefined: the whole file, also for several ranges and what is malformed (RFC 9110 §14.2 allows it). */
function readRange(header: string | undefined, bytes: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (match === null) return undefined;
  const [, from = '', to = ''] = match;
  if (from === '') {
    if (to === '') return undefined;
    const last = Number(to);
    return last === 0 || bytes === 0 ? 'unsatisfiable' : { start: Math.max(0, bytes - last), end: bytes - 1 };
  }
  const start = Number(from);
  const end = to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1);
  if (to !== '' && Number(to) < start) return undefined;
  return start >= bytes ? 'unsatisfiable' : { start, end };
}
