import { silentLogger } from '../../src/base/logger.js';
import type { EndCause } from '../../src/model/index.js';
import {
  createSignalling,
  type AttemptEvents,
  type AttemptOutcome,
  type Change,
  type Dialog,
  type DialogEvents,
  type DialSpec,
  type EngineOptions,
  type ForkId,
  type IncomingCall,
  type IncomingCallEvents,
  type IncomingRequest,
  type Sdp,
  type SignallingEvents,
  type SignallingRoom,
} from '../../src/signalling/index.js';
import { startSipWorker } from '../../src/sip-server/index.js';
import type { SipRequest } from '../../src/sip/index.js';
import { Phone, type OutCall } from './phone.js';

/** A queue tests wait on. */
export class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiters: ((item: T) => void)[] = [];

  put(item: T): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#items.push(item);
    else waiter(item);
  }

  get size(): number {
    return this.#items.length;
  }

  take(what: string, patienceMs = 4000): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what} did not come`)), patienceMs);
      this.#waiters.push((item) => {
        clearTimeout(timer);
        resolve(item);
      });
    });
  }
}

/** Listens to a dialog and keeps what it tells. */
export class DialogLog implements DialogEvents {
  readonly acknowledgements = new Queue<Sdp | undefined>();
  readonly changes = new Queue<Change>();
  readonly requests = new Queue<IncomingRequest>();
  readonly ends = new Queue<EndCause>();

  acknowledged(answer: Sdp | undefined): void {
    this.acknowledgements.put(answer);
  }
  change(change: Change): void {
    this.changes.put(change);
  }
  request(request: IncomingRequest): void {
    this.requests.put(request);
  }
  ended(cause: EndCause): void {
    this.ends.put(cause);
  }
}

export class CallLog implements IncomingCallEvents {
  readonly cancels = new Queue<EndCause>();
  readonly changes = new Queue<Change>();

  constructor(readonly call: IncomingCall) {}

  cancelled(reason: EndCause): void {
    this.cancels.put(reason);
  }
  earlyChange(change: Change): void {
    this.changes.put(change);
  }
}

type Provisional = Parameters<AttemptEvents['provisional']>[0];

export class AttemptLog implements AttemptEvents {
  readonly provisionals = new Queue<Provisional>();
  readonly changes = new Queue<{ change: Change; fork: ForkId }>();
  readonly outcomes = new Queue<AttemptOutcome>();
  readonly dialog = new DialogLog();

  provisional(provisional: Provisional): void {
    this.provisionals.put(provisional);
  }
  earlyChange(change: Change, fork: ForkId): void {
    this.changes.put({ change, fork });
  }
  settled(outcome: AttemptOutcome): DialogEvents | undefined {
    this.outcomes.put(outcome);
    return outcome.kind === 'answered' ? this.dialog : undefined;
  }
}

export class RoomLog implements SignallingEvents {
  readonly calls = new Queue<CallLog>();
  readonly requests = new Queue<IncomingRequest>();
  readonly engines = new Queue<string>();
  /** Runs inside `invite`, before its listeners are known. */
  onInvite: ((call: IncomingCall) => void) | undefined;

  invite(call: IncomingCall): IncomingCallEvents {
    const log = new CallLog(call);
    this.onInvite?.(call);
    this.calls.put(log);
    return log;
  }
  request(request: IncomingRequest): void {
    this.requests.put(request);
  }
  engine(state: string, engineId: string): void {
    this.engines.put(`${state} ${engineId}`);
  }
}

/** `delayed`: no offer in the INVITE. */
type SpecChanges = Partial<DialSpec> & { readonly delayed?: boolean };

export interface Bed {
  readonly signalling: SignallingRoom;
  readonly log: RoomLog;
  readonly engine: 'embedded' | 'drachtio';
  readonly port: number;
  phone(): Promise<Phone>;
  dial(
    phone: Phone,
    spec?: SpecChanges,
  ): { readonly log: AttemptLog; readonly attempt: ReturnType<SignallingRoom['dial']> };
  /** A call from the phone, answered; its ACK is in. */
  answered(phone: Phone): Promise<{ call: OutCall; dialog: Dialog; log: DialogLog }>;
  /** A call to the phone, answered. */
  dialed(
    phone: Phone,
    spec?: Partial<DialSpec>,
  ): Promise<{ invite: SipRequest; dialog: Dialog; log: DialogLog }>;
  /** Waits until nothing is left anywhere, and says what is. */
  settled(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Signalling on a real engine: our own SIP server in this process, or the drachtio-server that TRUNKLINE_TEST_DRACHTIO names as
 * `host:controlPort` (secret in TRUNKLINE_TEST_DRACHTIO_SECRET, default `cymru`).
 */
export async function createBed(): Promise<Bed> {
  const reference = process.env['TRUNKLINE_TEST_DRACHTIO'];
  const worker =
    reference === undefined
      ? await startSipWorker({
          listen: [
            { name: 'udp', transport: 'udp', host: '127.0.0.1', port: 0 },
            { name: 'second', transport: 'udp', host: '127.0.0.1', port: 0 },
          ],
          sessionTimers: 'application',
          passTrying: true,
          thread: false,
        })
      : undefined;
  const engine: EngineOptions =
    worker === undefined
      ? {
          kind: 'drachtio',
          id: 'reference',
          host: reference!.split(':')[0]!,
          port: Number(reference!.split(':')[1]),
          secret: process.env['TRUNKLINE_TEST_DRACHTIO_SECRET'] ?? 'cymru',
        }
      : {
          kind: 'embedded',
          id: 'embedded',
          secret: 'x',
          open: () => worker.socket,
          traits: { passesTrying: true },
        };
  const signalling = createSignalling({
    engines: [engine],
    logger: silentLogger,
    userAgent: 'Trunkline/test',
  });
  const log = new RoomLog();
  await signalling.start(log);
  await log.engines.take('the engine');
  const udp = signalling.listeners().find((listener) => listener.startsWith('udp/'))!;
  const port = Number(udp.slice(udp.lastIndexOf(':') + 1));
  const phones: Phone[] = [];

  const dial: Bed['dial'] = (phone, { delayed = false, ...spec } = {}) => {
    const attemptLog = new AttemptLog();
    const attempt = signalling.dial(
      {
        target: `sip:+12025550123@127.0.0.1:${phone.port}`,
        from: { uri: `sip:+12025550199@127.0.0.1:${port}`, display: 'Trunkline' },
        to: { uri: 'sip:+12025550123@example.com' },
        headers: [],
        maxForwards: 69,
        ...(delayed ? {} : { offer: OFFER }),
        rel100: 'supported',
        firstReplyMs: 10_000,
        answerMs: 20_000,
        ...spec,
      },
      attemptLog,
    );
    return { log: attemptLog, attempt };
  };

  return {
    signalling,
    log,
    engine: worker === undefined ? 'drachtio' : 'embedded',
    port,
    phone: async () => {
      const phone = await Phone.open(port);
      phones.push(phone);
      return phone;
    },
    dial,
    answered: async (phone) => {
      const call = phone.call({ body: OFFER });
      const { call: incoming } = await log.calls.take('the call');
      const dialogLog = new DialogLog();
      const outcome = await incoming.answer({ sdp: ANSWER }, dialogLog);
      if (outcome.kind !== 'dialog') throw new Error(`answer came to ${outcome.kind}`);
      call.learn(await phone.response(200, 'INVITE'));
      call.ack();
      await dialogLog.acknowledgements.take('the ACK');
      return { call, dialog: outcome.dialog, log: dialogLog };
    },
    dialed: async (phone, spec) => {
      const { log: attemptLog } = dial(phone, spec);
      const invite = await phone.request('INVITE');
      phone.respond(invite, 200, { body: ANSWER, headers: [['Allow', 'INVITE, ACK, BYE, CANCEL, UPDATE']] });
      await phone.request('ACK');
      const outcome = await attemptLog.outcomes.take('the answer');
      if (outcome.kind !== 'answered') throw new Error(`the attempt came to ${outcome.kind}`);
      return { invite, dialog: outcome.dialog, log: attemptLog.dialog };
    },
    settled: async () => {
      for (let i = 0; i < 400; i++) {
        const counts = signalling.counts();
        if (counts.legs + counts.openRequests + counts.pending === 0) break;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return JSON.stringify(signalling.counts());
    },
    stop: async () => {
      for (const phone of phones) phone.close();
      await signalling.stop();
      await worker?.stop();
    },
  };
}

export const OFFER =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=sendrecv\r\n';
export const ANSWER =
  'v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=sendrecv\r\n';
export const NOTHING = '{"legs":0,"openRequests":0,"pending":0}';
