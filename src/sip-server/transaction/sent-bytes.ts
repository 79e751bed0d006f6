import type { SentInfo } from '../transport/flow.js';

/** A message as it left; the text is made only when somebody reads it. */
export class SentBytes implements SentInfo {
  constructor(
    private readonly buffer: Buffer,
    readonly flow: SentInfo['flow'],
    readonly at: number,
  ) {}

  get raw(): string {
    return this.buffer.toString('utf8');
  }

  get bytes(): number {
    return this.buffer.length;
  }
}
