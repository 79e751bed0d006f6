import type { Clock } from '../../src/base/clock.js';
import type { EndCause } from '../../src/model/index.js';
import type {
  AnswerOutcome,
  Attempt,
  AttemptEvents,
  Body,
  Change,
  ChangeOutcome,
  Dialog,
  DialogEvents,
  DialSpec,
  EarlyChangeOutcome,
  Headers,
  IncomingCall,
  IncomingCallEvents,
  IncomingRequest,
  ProgressOutcome,
  RequestOutcome,
  RequestSpec,
  Sdp,
  SessionTimer,
  Source,
} from '../../src/signalling/index.js';
import { SipRequest, SipResponse } from '../../src/sip/index.js';

/** A description with one stream of these payload types; `label` tells one from another. */
export function sdp(label: string, formats = '0 101', extra = 'a=rtpmap:101 telephone-event/8000\r\n'): Sdp {
  return `v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=tool:${label}\r\nm=audio 4000 RTP/AVP ${formats}\r\n${extra}`;
}

/** A description without the origin its leg gave it, so that it can be compared. */
export function plain(description: Sdp): Sdp {
  return description.replace(/^o=.*\r\n/m, 'o=- 1 1 IN IP4 192.0.2.1\r\n');
}

/** Lets all promises that can settle do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

export function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A dialog under the test's control. */
export class FakeDialog implements Dialog {
  readonly id = 'dialog';
  /** Offers of ours as they were written. */
  readonly said: Sdp[] = [];
  state: Dialog['state'] = 'confirmed';
  #events: DialogEvents | undefined;
  /** What a Replaces names this dialog by. */
  named: Parameters<Dialog['isNamedBy']>[0] | undefined;
  readonly byes: (EndCause | undefined)[] = [];
  readonly changes: { offer?: Sdp; settle: (outcome: ChangeOutcome) => void }[] = [];
  readonly requests: {
    method: string;
    headers?: Headers;
    body?: Body;
    settle: (outcome: RequestOutcome) => void;
  }[] = [];

  get events(): DialogEvents {
    return this.#events!;
  }

  set events(events: DialogEvents) {
    this.#events = events;
  }

  isNamedBy({ callId, toTag, fromTag }: Parameters<Dialog['isNamedBy']>[0]): boolean {
    const { named } = this;
    return named?.callId === callId && named.toTag === toTag && named.fromTag === fromTag;
  }

  /** It came about, and has not ended. */
  get isOpen(): boolean {
    return this.#events !== undefined && this.state !== 'ended';
  }

  async change(c: { offer?: Sdp }): Promise<ChangeOutcome> {
    if (this.state === 'ended') return { kind: 'gone' };
    const { promise, resolve } = deferred<ChangeOutcome>();
    if (c.offer !== undefined) this.said.push(c.offer);
    this.changes.push({ ...(c.offer === undefined ? {} : { offer: plain(c.offer) }), settle: resolve });
    return await promise;
  }

  async request(r: { method: string; headers?: Headers; body?: Body }): Promise<RequestOutcome> {
    if (this.state === 'ended') return { kind: 'gone' };
    const { promise, resolve } = deferred<RequestOutcome>();
    this.requests.push({ ...r, settle: resolve });
    return await promise;
  }

  bye(cause?: EndCause): Promise<void> {
    if (this.state === 'confirmed') {
      this.state = 'ended';
      this.byes.push(cause);
    }
    return Promise.resolve();
  }

  /** The far side hangs up (or the leg ends for another reason). */
  hangUp(cause: Partial<EndCause> = {}): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.events.ended({ sip: 200, q850: 16, by: 'callee', kind: 'normal', ...cause });
  }

  /** The far side sends a re-INVITE or UPDATE. */
  offerChange(offer?: Sdp, laterAnswer?: Sdp): FakeChange {
    const change = new FakeChange(offer, laterAnswer);
    this.events.change(change);
    return change;
  }

  /** The far side sends a request in the dialog; the status it got. */
  send(method: string, body?: Body, headers: Headers = []): { statuses: number[] } {
    const request = new SipRequest(method, 'sip:us@198.51.100.1');
    for (const [name, value] of headers) request.headers.add(name, value);
    if (body !== undefined) {
      request.headers.add('Content-Type', body.type);
      request.body = body.text;
    }
    const statuses: number[] = [];
    const incoming: IncomingRequest = {
      request,
      source: SOURCE,
      respond: (answer) => {
        statuses.push(answer.status);
      },
    };
    this.events.request(incoming);
    return { statuses };
  }
}

export class FakeChange implements Change {
  accepted: Sdp | undefined;
  /** The answer as it was written. */
  said: Sdp | undefined;
  rejected: number | undefined;

  constructor(
    readonly offer: Sdp | undefined,
    private readonly laterAnswer: Sdp | undefined,
  ) {}

  accept(answer: Sdp): Promise<Sdp | undefined> {
    this.accepted ??= plain(answer);
    this.said ??= answer;
    return Promise.resolve(this.laterAnswer);
  }

  reject(status: 488 | 491 | 500 | 504): void {
    this.rejected ??= status;
  }
}

/** An UPDATE of ours in an early dialog. */
interface EarlyFakeChange {
  readonly offer: Sdp;
  readonly settle: (outcome: EarlyChangeOutcome) => void;
}

/** An INVITE that left, under the test's control. Its time limits run on the test's clock. */
export class FakeAttempt implements Attempt {
  readonly spec: DialSpec;
  /** Offers of ours as they were written. */
  readonly said: Sdp[];
  readonly id: string;
  readonly sipCallId: string;
  cancelledWith: (EndCause | undefined)[] = [];
  done = false;
  readonly dialog = new FakeDialog();
  acks: (Sdp | undefined)[] = [];
  readonly changes: EarlyFakeChange[] = [];
  #replied = false;

  constructor(
    spec: DialSpec,
    readonly on: AttemptEvents,
    number: number,
    clock: Clock,
  ) {
    const { offer } = spec;
    this.said = offer === undefined ? [] : [offer];
    this.spec = offer === undefined ? spec : { ...spec, offer: plain(offer) };
    this.id = `attempt-${number}`;
    this.sipCallId = `own-leg-${number}`;
    clock.after(spec.firstReplyMs, () => {
      if (!this.#replied) this.#settle({ kind: 'unreachable', why: 'no-reply' });
    });
    clock.after(spec.answerMs, () => this.#settle({ kind: 'no-answer' }));
  }

  async change(offer: Sdp): Promise<EarlyChangeOutcome> {
    if (this.done) return { kind: 'gone' };
    const { promise, resolve } = deferred<EarlyChangeOutcome>();
    this.said.push(offer);
    this.changes.push({ offer: plain(offer), settle: resolve });
    return await promise;
  }

  /** The far side sends an UPDATE in its early dialog. */
  offerChange(offer: Sdp, fork = 'fork-1'): FakeChange {
    const change = new FakeChange(offer, undefined);
    this.on.earlyChange(change, fork);
    return change;
  }

  cancel(reason?: EndCause): void {
    this.cancelledWith.push(reason);
    this.#settle({ kind: 'cancelled' });
  }

  #settle(outcome: Parameters<AttemptEvents['settled']>[0]): DialogEvents | undefined {
    if (this.done) return undefined;
    this.done = true;
    return this.on.settled(outcome);
  }

  /** 100 Trying: nothing is told, but the far side is there. */
  trying(): void {
    this.#replied = true;
  }

  provisional(
    status: number,
    early?: Sdp,
    options: { fork?: string; reliable?: boolean } = {},
  ): (Sdp | undefined)[] {
    this.#replied = true;
    const pracks: (Sdp | undefined)[] = [];
    this.on.provisional({
      status,
      fork: options.fork ?? 'fork-1',
      response: new SipResponse(status),
      ...(early === undefined ? {} : { sdp: early }),
      ...(options.reliable === true
        ? { prack: (answer?: Sdp) => void pracks.push(answer === undefined ? undefined : plain(answer)) }
        : {}),
    });
    return pracks;
  }

  answer(answer: Sdp, fork = 'fork-1'): FakeDialog {
    const events = this.#settle({
      kind: 'answered',
      dialog: this.dialog,
      fork,
      sdp: answer,
      ack: (later) => void this.acks.push(later === undefined ? undefined : plain(later)),
      response: new SipResponse(200),
    });
    if (events !== undefined) this.dialog.events = events;
    return this.dialog;
  }

  refuse(status: number, headers: Headers = []): void {
    const response = new SipResponse(status);
    for (const [name, value] of headers) response.headers.add(name, value);
    this.#settle({ kind: 'refused', response });
  }

  unreachable(why: 'no-reply' | 'transport' | 'dns' | 'engine-lost'): void {
    this.#settle({ kind: 'unreachable', why });
  }
}

export interface FakeSignalling {
  readonly attempts: FakeAttempt[];
  dial(spec: DialSpec, on: AttemptEvents): Attempt;
  /** Requests outside of calls, in order. */
  readonly requests: RequestSpec[];
  request(spec: RequestSpec): Promise<RequestOutcome>;
  /** Set: the next dial throws it. */
  fault: Error | undefined;
}

export function createFakeSignalling(clock: Clock): FakeSignalling {
  const attempts: FakeAttempt[] = [];
  return {
    attempts,
    requests: [],
    request(spec) {
      this.requests.push(spec);
      return Promise.resolve({ kind: 'response', response: new SipResponse(200) });
    },
    fault: undefined,
    dial(spec, on) {
      if (this.fault !== undefined) throw this.fault;
      const attempt = new FakeAttempt(spec, on, attempts.length + 1, clock);
      attempts.push(attempt);
      return attempt;
    },
  };
}

export const SOURCE: Source = {
  address: '192.0.2.50',
  port: 5060,
  transport: 'udp',
  listener: '127.0.0.1:5060',
};

export interface InviteOptions {
  readonly to?: string;
  readonly from?: string;
  readonly callId?: string;
  readonly offer?: Sdp | null;
  readonly headers?: Headers;
  readonly source?: Source;
}

export function invite(options: InviteOptions = {}): SipRequest {
  const request = new SipRequest('INVITE', options.to ?? 'sip:+12025550203@127.0.0.1');
  request.headers.add('Via', 'SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKabc');
  request.headers.add('From', options.from ?? '"Alice" <sip:+12125550000@192.0.2.50>;tag=a1');
  request.headers.add('To', `<${request.uri}>`);
  request.headers.add('Call-ID', options.callId ?? 'caller-1');
  request.headers.add('CSeq', '1 INVITE');
  request.headers.add('Contact', '<sip:alice@192.0.2.50>');
  for (const [name, value] of options.headers ?? []) request.headers.add(name, value);
  return request;
}

/** A caller under the test's control. */
export class FakeCaller implements IncomingCall {
  readonly id = 'caller';
  /** Descriptions of ours as they were written. */
  readonly said: Sdp[] = [];
  readonly request: SipRequest;
  readonly source: Source;
  readonly offer: Sdp | undefined;
  readonly progressed: { status: number; sdp?: Sdp; reliable?: boolean }[] = [];
  readonly progressOutcomes: ((outcome: ProgressOutcome) => void)[] = [];
  readonly rejections: { status: number; reason?: string; headers?: Headers }[] = [];
  answers: { sdp: Sdp; timer?: SessionTimer }[] = [];
  readonly changes: EarlyFakeChange[] = [];
  readonly dialog = new FakeDialog();
  /** What `answer` resolves with; by default a dialog at once. */
  answerOutcome: Promise<AnswerOutcome> | undefined;
  events!: IncomingCallEvents;

  constructor(options: InviteOptions = {}) {
    this.request = invite(options);
    this.source = options.source ?? SOURCE;
    this.offer = options.offer === null ? undefined : (options.offer ?? sdp('caller'));
  }

  async progress(p: {
    status: 180 | 181 | 182 | 183;
    sdp?: Sdp;
    reliable?: boolean;
  }): Promise<ProgressOutcome> {
    if (p.sdp !== undefined) this.said.push(p.sdp);
    this.progressed.push(p.sdp === undefined ? p : { ...p, sdp: plain(p.sdp) });
    if (p.reliable !== true) return { kind: 'sent' };
    const { promise, resolve } = deferred<ProgressOutcome>();
    this.progressOutcomes.push(resolve);
    return await promise;
  }

  async answer(a: { sdp: Sdp; timer?: SessionTimer }, on: DialogEvents): Promise<AnswerOutcome> {
    this.said.push(a.sdp);
    this.answers.push({ ...a, sdp: plain(a.sdp) });
    this.dialog.events = on;
    if (this.answerOutcome !== undefined) return await this.answerOutcome;
    return { kind: 'dialog', dialog: this.dialog };
  }

  async change(offer: Sdp): Promise<EarlyChangeOutcome> {
    const { promise, resolve } = deferred<EarlyChangeOutcome>();
    this.said.push(offer);
    this.changes.push({ offer: plain(offer), settle: resolve });
    return await promise;
  }

  /** The caller sends an UPDATE before the answer. */
  offerChange(offer: Sdp): FakeChange {
    const change = new FakeChange(offer, undefined);
    this.events.earlyChange(change);
    return change;
  }

  reject(r: { status: number; reason?: string; headers?: Headers }): void {
    this.rejections.push(r);
  }

  ack(answer?: Sdp): void {
    this.dialog.events.acknowledged(answer);
  }

  cancel(): void {
    this.events.cancelled({ sip: 487, by: 'caller', kind: 'cancelled' });
  }

  get statuses(): number[] {
    return this.progressed.map((p) => p.status);
  }
}
