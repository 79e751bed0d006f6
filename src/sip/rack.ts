import { DIGIT, isToken, readNumber, skipClass, skipSpace } from './chars.js';

/** RAck of a PRACK (RFC 3262 §7.2). */
export interface RAck {
  readonly rseq: number;
  readonly cseq: number;
  readonly method: string;
}

const MAX_NUMBER = 0xffffffff;

export function parseRAck(text: string): RAck | undefined {
  const rseqEnd = skipClass(text, 0, text.length, DIGIT);
  const rseq = readNumber(text, 0, rseqEnd, MAX_NUMBER);
  const cseqStart = skipSpace(text, rseqEnd);
  const cseqEnd = skipClass(text, cseqStart, text.length, DIGIT);
  const cseq = readNumber(text, cseqStart, cseqEnd, MAX_NUMBER);
  const methodStart = skipSpace(text, cseqEnd);
  const method = text.slice(methodStart);
  if (rseq < 1 || cseq === -1 || cseqStart === rseqEnd || methodStart === cseqEnd || !isToken(method))
    return undefined;
  return { rseq, cseq, method };
}

export function formatRAck(value: RAck): string {
  return `${value.rseq} ${value.cseq} ${value.method}`;
}

/** RSeq (RFC 3262 §7.1): 1 … 2³²−1. */
export function parseRSeq(text: string): number | undefined {
  const value = readNumber(text, 0, text.length, MAX_NUMBER);
  return value < 1 ? undefined : value;
}
