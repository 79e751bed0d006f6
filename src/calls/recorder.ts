import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { CallFacts, CallRecord, EndCause, LegRecord, TraceEntry } from '../model/index.js';
import type { CallRecords } from './ports.js';

/** What a call's row says from its first moment. */
export interface CallOpening {
  readonly facts: CallFacts;
  readonly sipCallId: string;
  readonly sourceAddress: string;
  readonly planRevision: number;
  readonly trace: readonly TraceEntry[];
}

/** Fields to write, filled in one by one: spreading small objects is what would cost most here. */
export type RecordPatch = { -readonly [Key in keyof CallRecord]?: CallRecord[Key] };

type RecordDraft = { -readonly [Key in keyof CallRecord]: CallRecord[Key] };

/** One attempt's row. Each method may be called again; the first call counts. */
export interface LegRow {
  rang(): void;
  answered(codecs: string): void;
  ended(cause: EndCause): void;
}

/** Of a caller's leg, which is told of by the call's own row. */
export const NO_ROW: LegRow = { rang: () => undefined, answered: () => undefined, ended: () => undefined };

/** A trace stops growing here: 200 steps of a plan and their attempts fit. */
const MAX_TRACE_ENTRIES = 1000;

/**
 * Writes one call's rows. The trace lives here as objects while the call is set up and as JSON once it is answered, since a held
 * call should weigh little. A store that fails while a row is opened or closed is logged, and the call goes on.
 */
export class CallRecorder {
  #trace: TraceEntry[] = [];
  /** JSON of the trace so far, without the closing bracket; entries in `#trace` are not yet in it. */
  #traceText = '[';
  #sequence = 0;
  #closed = false;

  constructor(
    private readonly records: CallRecords,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly id: string,
  ) {}

  open(opening: CallOpening): void {
    const { facts } = opening;
    this.trace(opening.trace);
    const record: RecordDraft = {
      id: this.id,
      state: 'ringing',
      direction: facts.direction,
      sipCallId: opening.sipCallId,
      sourceAddress: opening.sourceAddress,
      callerRaw: facts.callerRaw,
      dialedRaw: facts.dialedRaw,
      dialed: facts.dialed,
      planRevision: opening.planRevision,
      setupAt: facts.at,
      trace: this.#traceJson(),
    };
    if (facts.trunk !== undefined) record.trunk = facts.trunk;
    if (facts.extension !== undefined) record.extension = facts.extension;
    if (facts.caller !== undefined) record.caller = facts.caller;
    if (facts.callerName !== undefined) record.callerName = facts.callerName;
    if (facts.direction === 'inbound' && facts.dialed !== '') record.did = facts.dialed;
    if (facts.tenant !== undefined) record.tenant = facts.tenant;
    const rule = opening.trace.find((entry) => entry.kind === 'rule');
    if (rule !== undefined) record.rule = rule.place;
    this.#guard('open', () => this.records.open(record));
  }

  trace(entries: readonly TraceEntry[]): void {
    for (const entry of entries) {
      if (this.#trace.length < MAX_TRACE_ENTRIES) this.#trace.push(entry);
    }
  }

  /** Opens a row for an attempt whose INVITE has just left. */
  leg(leg: Pick<LegRecord, 'kind' | 'target' | 'uri' | 'number' | 'sipCallId'>): LegRow {
    this.#sequence += 1;
    const id = `${this.id}/${this.#sequence}`;
    const row: LegRecord = {
      id,
      recordId: this.id,
      sequence: this.#sequence,
      startedAt: this.clock.now(),
      ...leg,
    };
    this.#guard('openLeg', () => this.records.openLeg(row));
    return new LegRowWriter(id, this.clock, (patch) =>
      this.#guard('updateLeg', () => this.records.updateLeg(id, patch)),
    );
  }

  /** Resolves once the answered call is on disk; rejects when the store fails: then the call must not be answered. */
  async answered(patch: RecordPatch): Promise<void> {
    patch.state = 'answered';
    patch.trace = this.#traceJson();
    await this.records.answered(this.id, patch);
  }

  update(patch: Partial<CallRecord>): void {
    this.#guard('update', () => this.records.update(this.id, patch));
  }

  close(patch: RecordPatch): void {
    if (this.#closed) return;
    this.#closed = true;
    patch.state = 'ended';
    if (this.#trace.length > 0) patch.trace = this.#traceJson();
    this.#guard('close', () => this.records.close(this.id, patch));
    this.#traceText = '[';
  }

  #traceJson(): string {
    for (const entry of this.#trace) {
      this.#traceText += `${this.#traceText.length > 1 ? ',' : ''}${JSON.stringify(entry)}`;
    }
    this.#trace = [];
    return `${this.#traceText}]`;
  }

  #guard(what: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.logger.error({ callId: this.id, what, err: error }, 'record not written');
    }
  }
}

class LegRowWriter implements LegRow {
  #rang = false;
  #answered = false;
  #ended = false;

  constructor(
    readonly id: string,
    private readonly clock: Clock,
    private readonly write: (patch: Partial<LegRecord>) => void,
  ) {}

  rang(): void {
    if (this.#rang || this.#answered || this.#ended) return;
    this.#rang = true;
    this.write({ ringAt: this.clock.now() });
  }

  answered(codecs: string): void {
    if (this.#answered || this.#ended) return;
    this.#answered = true;
    this.write({ answerAt: this.clock.now(), ...(codecs === '' ? {} : { codecs }) });
  }

  ended(cause: EndCause): void {
    if (this.#ended) return;
    this.#ended = true;
    this.write({ endAt: this.clock.now(), cause });
  }
}
