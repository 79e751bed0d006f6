import { headerLines, outgoing } from './srf/lines.js';
import type { SrfResponse } from './srf/types.js';
import type { Body, Headers } from './port.js';

export interface Reply {
  readonly status: number;
  readonly reason?: string | undefined;
  /** Header lines, each with its CRLF. */
  readonly lines: string;
  readonly body?: string | undefined;
}

/** Sends a response. `sent` gets the error, if any; it may be called before this returns when the socket is gone. */
export function reply(response: SrfResponse, answer: Reply, sent?: (error: unknown) => void): void {
  const options = outgoing(answer.lines, answer.body);
  // A line end in the phrase would start a header of its own.
  const reason = answer.reason?.replace(/[\x00-\x1f\x7f]/g, ' ');
  try {
    response.send(answer.status, reason, options, sent);
  } catch (error) {
    sent?.(error);
  }
}

/** A response without a body that nobody waits for. */
export function replyBriefly(response: SrfResponse, status: number, lines = ''): void {
  if (!response.finalResponseSent) reply(response, { status, lines });
}

/** The lines of headers and body as the layer above gives them. Throws SIP_INVALID. */
export function linesOf(headers: Headers | undefined, body?: Body): string {
  const lines = headerLines(headers);
  return body === undefined ? lines : `${lines}${headerLines([['Content-Type', body.type]])}`;
}
