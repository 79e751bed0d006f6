import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { LegTable } from './leg-table.js';
import type { OpenRequests } from './open-requests.js';
import type { SrfRequest, SrfResponse } from './srf/types.js';

/** What every leg needs. */
export interface Core {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly legs: LegTable;
  readonly openRequests: OpenRequests;
  /** Header lines of ours, each with its CRLF: `User-Agent` for requests, `Server` for responses, `''` when nothing is to be told. */
  readonly agentLine: string;
  readonly serverLine: string;
  /** Finds the leg of a request inside a dialog. */
  route(request: SrfRequest, response: SrfResponse): void;
}

/** Methods we take inside and outside of dialogs. */
export const ALLOW_LINE =
  'Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE, SUBSCRIBE\r\n';
/** `Content-Type` of every offer and answer. */
export const SDP_LINE = 'Content-Type: application/sdp\r\n';
