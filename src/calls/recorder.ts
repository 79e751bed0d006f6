import type { Clock } from '../base/clock.js';
import { newUuid } from '../base/ids.js';
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

/** One attempt's row. Each method may be called again; the first call counts. */
export interface LegRow {
  rang(): void;
  answered(codecs: string): void;
  ended(cause: EndCause): void;
}

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
    const did = ruleNumber(facts);
    const record: CallRecord = {
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
      ...(facts.trunk === undefined ? {} : { trunk: facts.trunk }),
      ...(facts.extension === undefined ? {} : { extension: facts.extension }),
      ...(facts.caller === undefined ? {} : { caller: facts.caller }),
      ...(facts.callerName === undefined ? {} : { callerName: facts.callerName }),
      ...(did === undefined ? {} : { did }),
      ...(facts.tenant === undefined ? {} : { tenant: facts.tenant }),
      ...ruleOf(opening.trace),
    };
    this.#guard('open', () => this.records.open(record));
  }

  trace(entries: readonly TraceEntry[]): void {
    for (const entry of entries) {
      if (this.#trace.length < MAX_TRACE_ENTRIES) this.#trace.push(entry);
    }
  }

  /** Opens a row for an attempt whose INVITE has just left. */
  leg(leg: Pick<LegRecord, 'kind' | 'target' | 'uri' | 'number' | 'sipCallId'>): LegRow {
    const id = newUuid();
    this.#sequence += 1;
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
  async answered(patch: Partial<CallRecord>): Promise<void> {
    await this.records.answered(this.id, { ...patch, state: 'answered', trace: this.#traceJson() });
  }

  update(patch: Partial<CallRecord>): void {
    this.#guard('update', () => this.records.update(this.id, patch));
  }

  close(patch: Partial<CallRecord>): void {
    if (this.#closed) return;
    this.#closed = true;
    const trace = this.#trace.length > 0 ? { trace: this.#traceJson() } : {};
    this.#guard('close', () => this.records.close(this.id, { ...patch, ...trace, state: 'ended' }));
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

/** Inbound calls dial a DID. */
function ruleNumber(facts: CallFacts): string | undefined {
  return facts.direction === 'inbound' && facts.dialed !== '' ? facts.dialed : undefined;
}

function ruleOf(trace: readonly TraceEntry[]): { rule?: string } {
  for (const entry of trace) if (entry.kind === 'rule') return { rule: entry.place };
  return {};
}
