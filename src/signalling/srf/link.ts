import { Server, type Socket } from 'node:net';
import type { Clock, Timer } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import type { EngineTraits } from '../engine-options.js';
import { guarded } from '../guarded.js';
import { loadSrf } from './parser.js';
import type {
  Srf,
  SrfError,
  SrfHandler,
  SrfOutgoing,
  SrfRequestOptions,
  SrfSentRequest,
  SrfSocketTables,
} from './types.js';

/** Verbs for which new requests are wanted. Others inside of dialogs come anyway. */
const VERBS = [
  'invite',
  'register',
  'options',
  'subscribe',
  'notify',
  'message',
  'publish',
  'refer',
  'info',
  'update',
  'bye',
];

/** How often commands without an answer are looked at. Milliseconds. */
const WATCH_MS = 5000;
/** An engine from which nothing at all came in so many looks, though commands wait, has hung. */
const SILENT_LOOKS = 2;
/** A command that waits for so many looks while the engine talks about other things was lost. */
const LOST_LOOKS = 6;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;
/** From a connected socket to the answer to `authenticate`. */
const GREETING_MS = 5000;

export interface LinkOptions {
  readonly id: string;
  readonly secret: string;
  readonly traits: EngineTraits;
  /** A connected control socket. */
  open(): Promise<Socket>;
  /** A first `open` that fails is a fault of the start, not of the network. */
  readonly mustOpen: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Every request that comes from the engine. Must not throw. */
  readonly handle: SrfHandler;
  readonly up: (link: ControlLink) => void;
  readonly down: (link: ControlLink) => void;
}

/** Why a command came to nothing. */
export type CommandFailure = 'engine-lost' | 'no-dialog' | 'refused';

/**
 * The control connection to one engine, with a drachtio-srf of its own. srf is always the listening side: sockets are fed into it,
 * so that frames it cannot read close one socket instead of throwing into the event loop, reconnecting is ours, and a socket may
 * as well end in a worker thread.
 */
export class ControlLink {
  readonly id: string;
  readonly #options: LinkOptions;
  readonly #srf: Srf;
  readonly #feed = new Server();
  #socket: Socket | undefined;
  #state: 'stopped' | 'connecting' | 'up' = 'stopped';
  #listeners: readonly string[] = [];
  #passesTrying: boolean;
  #timer: Timer | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #attempt = 0;
  #ready: { resolve(up: boolean): void; reject(error: unknown): void } | undefined;
  /** Commands that wait for their answer, oldest first. */
  readonly #waiting = new Set<PendingCommand>();
  /** What else ends with the connection. */
  readonly #watchers = new Set<() => void>();
  #overseer: Timer | undefined;
  /** Something came from the engine since the last look. */
  #heard = false;
  #silentLooks = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.id = options.id;
    this.#passesTrying = options.traits.passesTrying;
    this.#srf = new (loadSrf())();
    this.#srf.listen({ server: this.#feed, secret: options.secret });
    // First of all, for every method: srf's own last resort answers 404 and closes the control socket.
    this.#srf.use(options.handle);
    for (const verb of VERBS) this.#srf.use(verb, options.handle);
    this.#srf.on('connect', (error: Error | null, hostports?: string) => this.#greeted(error, hostports));
    this.#srf.on('error', (error: Error) =>
      options.logger.warn({ engine: this.id, error: error.message }, 'control connection failed'),
    );
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** As `udp/127.0.0.1:5060`. */
  get listeners(): readonly string[] {
    return this.#listeners;
  }

  get traits(): EngineTraits {
    return this.#passesTrying === this.#options.traits.passesTrying
      ? this.#options.traits
      : { ...this.#options.traits, passesTrying: this.#passesTrying };
  }

  /** A 100 came through, so this engine passes them on. */
  sawTrying(): void {
    this.#passesTrying = true;
  }

  /**
   * Connects, and reconnects from then on. Resolves with the outcome of the first try; rejects, and tries no more, when `open`
   * failed and `mustOpen` is set.
   */
  start(): Promise<boolean> {
    if (this.#state !== 'stopped') return Promise.resolve(this.isUp);
    this.#state = 'connecting';
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
      this.#connect();
    });
  }

  /** Closes the connection; `down` is not called. */
  stop(): void {
    this.#state = 'stopped';
    this.#attempt++;
    this.#timer?.clear();
    this.#overseer?.clear();
    this.#ready?.resolve(false);
    this.#failAll();
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  /**
   * Sends a request. `sent` is called once with the request as it left, or with why it did not, within a deadline, never before
   * this returns.
   */
  request(
    options: Omit<SrfRequestOptions, '_socket'>,
    sent: (request: SrfSentRequest | undefined, failure: CommandFailure, reason: string) => void,
  ): void {
    const socket = this.#socket;
    if (this.#state !== 'up' || socket === undefined || socket.destroyed) {
      queueMicrotask(() => sent(undefined, 'engine-lost', 'the signalling engine is not connected'));
      return;
    }
    const answered = this.expect(() => sent(undefined, 'engine-lost', 'the signalling engine was lost'));
    try {
      this.#srf.request({ ...options, _socket: socket }, (error, request) => {
        // Once it was given up, `sent` has been told; srf waits for the final answer all the same.
        if (!answered()) {
          if (request !== undefined) this.forget(request.stackTxnId);
          return;
        }
        // What is thrown here would make srf close the control socket.
        guarded(this.#options.logger, 'sent', () => {
          if (request !== undefined) sent(request, 'refused', '');
          else sent(undefined, failureOf(error), error?.message ?? '');
        });
      });
    } catch (error) {
      // srf asserts that it knows the socket, which may have closed a moment ago.
      this.#options.logger.warn(
        { engine: this.id, error: String(error) },
        'a request could not be handed to srf',
      );
      queueMicrotask(() => {
        if (answered()) sent(undefined, 'engine-lost', 'the signalling engine was lost');
      });
    }
  }

  /**
   * Watches over a command: `lost` is called when the engine goes, or hangs, before the function returned was. That one says
   * whether the answer came in time.
   */
  expect(lost: () => void): () => boolean {
    const command: PendingCommand = { lost, looks: 0 };
    this.#waiting.add(command);
    if (this.#overseer === undefined) {
      this.#silentLooks = 0;
      this.#heard = true;
      this.#oversee();
    }
    return () => this.#waiting.delete(command);
  }

  /** Calls `lost` when the connection is gone, unless the function returned was called before. */
  watch(lost: () => void): () => void {
    this.#watchers.add(lost);
    return () => this.#watchers.delete(lost);
  }

  /** Nobody wants the final answer of a transaction any more, which the reference may never bring (an INVITE overtaken by our BYE). */
  forget(txnId: string): void {
    this.#tables()?.pendingSipRequests.delete(txnId);
  }

  /** The INVITE under a Call-ID in srf's table, which decides who gets a CANCEL. */
  pendingInvite(callId: string): unknown {
    return this.#tables()?.pendingNetworkInvites.get(callId);
  }

  /** Puts an INVITE back that a later one under the same Call-ID has displaced. */
  restoreInvite(callId: string, entry: unknown): void {
    if (entry !== undefined) this.#tables()?.pendingNetworkInvites.set(callId, entry);
  }

  /** How much waits in srf's tables and here; 0 when all calls are over. */
  get pending(): number {
    const tables = this.#tables();
    const own = this.#waiting.size + this.#watchers.size;
    if (tables === undefined) return own;
    return (
      own +
      tables.pendingRequests.size +
      tables.pendingSipRequests.size +
      tables.pendingNetworkInvites.size +
      tables.pendingAckOrPrack.size +
      tables.pendingSipAuthRequests.size
    );
  }

  #tables(): SrfSocketTables | undefined {
    return this.#socket === undefined ? undefined : this.#srf.app.client.mapServer.get(this.#socket);
  }

  #connect(): void {
    const attempt = ++this.#attempt;
    this.#options.open().then(
      (socket) => this.#connected(socket, attempt),
      (error: unknown) => {
        const ready = this.#ready;
        if (this.#options.mustOpen && ready !== undefined) {
          this.#ready = undefined;
          this.stop();
          ready.reject(error);
        } else {
          this.#failed(attempt, error instanceof Error ? error.message : String(error));
        }
      },
    );
  }

  #connected(socket: Socket, attempt: number): void {
    if (attempt !== this.#attempt) {
      socket.destroy();
      return;
    }
    if (socket.destroyed) return this.#failed(attempt, 'the control connection is closed already');
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
    socket.on('data', () => {
      this.#heard = true;
    });
    socket.once('close', () => this.#failed(attempt, 'the control connection was closed'));
    this.#timer = this.#options.clock.after(GREETING_MS, () => {
      socket.destroy();
      this.#failed(attempt, 'the engine did not greet in time');
    });
    this.#feed.emit('connection', socket);
  }

  #greeted(error: Error | null, hostports: string | undefined): void {
    const socket = this.#socket;
    if (this.#state !== 'connecting' || socket === undefined) return;
    if (error !== null) {
      this.#options.logger.error(
        { engine: this.id, error: error.message },
        'the signalling engine refused the secret',
      );
      socket.destroy();
      return;
    }
    this.#timer?.clear();
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#state = 'up';
    this.#listeners = (hostports ?? '').split(',').filter((text) => text !== '');
    this.#srf.app.client.routeVerbs(socket);
    this.#options.up(this);
    this.#settle(true);
  }

  #failed(attempt: number, reason: string): void {
    if (attempt !== this.#attempt || this.#state === 'stopped') return;
    this.#attempt++;
    this.#timer?.clear();
    const wasUp = this.#state === 'up';
    this.#state = 'connecting';
    this.#socket = undefined;
    this.#options.logger.warn(
      { engine: this.id, reason, nextTryMs: this.#pauseMs },
      'the signalling engine is not connected',
    );
    this.#timer = this.#options.clock.after(this.#pauseMs, () => this.#connect());
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#failAll();
    if (wasUp) this.#options.down(this);
    this.#settle(false);
  }

  #settle(up: boolean): void {
    this.#ready?.resolve(up);
    this.#ready = undefined;
  }

  #failAll(): void {
    const lost = [...[...this.#waiting].map((command) => command.lost), ...this.#watchers];
    this.#waiting.clear();
    this.#watchers.clear();
    for (const run of lost) run();
  }

  #oversee(): void {
    this.#overseer = this.#options.clock.after(WATCH_MS, () => this.#look());
  }

  /** Several looks, so that neither a main thread that stood still nor an engine under load is taken for a hung one. */
  #look(): void {
    this.#overseer = undefined;
    this.#silentLooks = this.#heard ? 0 : this.#silentLooks + 1;
    this.#heard = false;
    if (this.#silentLooks >= SILENT_LOOKS) {
      this.#options.logger.error({ engine: this.id }, 'the signalling engine does not answer commands');
      this.#socket?.destroy();
    }
    for (const command of this.#waiting) {
      if (++command.looks <= LOST_LOOKS) continue;
      this.#waiting.delete(command);
      command.lost();
    }
    if (this.#waiting.size > 0) this.#oversee();
  }
}

interface PendingCommand {
  readonly lost: () => void;
  looks: number;
}

function failureOf(error: SrfError | null): CommandFailure {
  return error?.code === 'ENODIALOG' ? 'no-dialog' : 'refused';
}

export type { SrfOutgoing };
