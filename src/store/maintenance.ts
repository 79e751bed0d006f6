import type { QueueTally } from '../model/index.js';
import type { TallyRequest } from './queue-tally.js';
import type { RecordDetail, RecordPage, RecordQuery } from './record-query.js';

/** What may take long, and so is kept away from the thread that carries the calls. */
export interface Maintenance {
  list(query: RecordQuery): Promise<RecordPage>;
  get(id: string): Promise<RecordDetail | undefined>;
  /** Sums of what happened in queues. */
  tally(request: TallyRequest): Promise<readonly QueueTally[]>;
  /** Deletes the records of calls set up before this time, batch by batch; says how many. */
  sweep(before: number): Promise<number>;
  close(): Promise<void>;
}

/** What is asked of the worker. */
export type MaintenanceRequest =
  | { readonly kind: 'list'; readonly query: RecordQuery }
  | { readonly kind: 'get'; readonly id: string }
  | { readonly kind: 'tally'; readonly request: TallyRequest }
  | { readonly kind: 'sweep'; readonly before: number }
  | { readonly kind: 'close' };

export interface MaintenanceMessage {
  readonly ticket: number;
  readonly request: MaintenanceRequest;
}

export type MaintenanceReply =
  | { readonly ticket: number; readonly value: unknown }
  | { readonly ticket: number; readonly code: string | undefined; readonly message: string };
