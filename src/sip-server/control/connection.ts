import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import { parseCommand, type Command, type ProxyCommand, type SipCommand } from './commands.js';
import { responseFrame } from './frames.js';
import { encodeFrame, FrameReader } from './framing.js';
import type { ControlLink } from './link.js';

/** Enough for a secret and twenty tags. */
const MAX_FRAME_BEFORE_AUTHENTICATION = 2048;
const MAX_FRAME_BYTES = 1024 * 1024;
/** A peer that has not authenticated by then is cut off. */
const AUTHENTICATION_TIMEOUT_MS = 10_000;
/** What `authenticate` answers as the server's version; drachtio-srf asks for at least v0.8.2 before it pings. */
const PROTOCOL_VERSION = 'v0.9.10';

/** Who carries out what an authenticated application asks for. */
export interface ControlUser {
  authenticated(app: ControlConnection, catchAll: boolean): void;
  route(app: ControlConnection, verb: string): void;
  removeRoute(app: ControlConnection, verb: string): void;
  sip(app: ControlConnection, command: SipCommand): void;
  proxy(app: ControlConnection, command: ProxyCommand): void;
  closed(app: ControlConnection): void;
}

export interface ConnectionDeps {
  readonly user: ControlUser;
  /** What `authenticate` must bring; undefined: an in-process peer, of which nothing is asked and who serves every verb. */
  readonly secret: string | undefined;
  /** Where we listen, for the answer to `authenticate`: as advertised, and as bound. */
  readonly hostports: () => { readonly advertised: string; readonly bound: string };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One application on one control connection. */
export class ControlConnection {
  /** Set by `authenticate`. */
  tags: readonly string[] = [];
  state: 'new' | 'authenticated' | 'closed' = 'new';
  readonly #link: ControlLink;
  readonly #deps: ConnectionDeps;
  readonly #reader = new FrameReader(MAX_FRAME_BEFORE_AUTHENTICATION);
  #deadline: Timer | undefined;
  /** The chunk being gathered holds the echo of a 2xx that makes a dialog: see `sendRequest`. */
  #echoWaits = false;

  constructor(link: ControlLink, deps: ConnectionDeps) {
    this.#link = link;
    this.#deps = deps;
    this.#deadline = deps.clock.after(AUTHENTICATION_TIMEOUT_MS, () => this.close('no authentication'));
    link.listen({ data: (chunk) => this.#data(chunk), closed: () => this.#closed() });
  }

  get peer(): string {
    return this.#link.peer;
  }

  get open(): boolean {
    return this.state === 'authenticated';
  }

  /** Sends a frame. */
  send(payload: string): void {
    if (this.state !== 'closed') this.#link.write(encodeFrame(payload));
  }

  /**
   * Sends the echo of a 2xx that makes a dialog. A promise of drachtio-srf made by it is settled after the chunk it came in has been read whole, so
   * a BYE in the same chunk would find no listener on the new dialog.
   */
  sendEcho(payload: string): void {
    this.#echoWaits = true;
    this.send(payload);
  }

  /** Sends a request of a dialog, in a chunk after that of the echo which made the dialog. */
  sendRequest(payload: string): void {
    if (this.#echoWaits) {
      this.#echoWaits = false;
      this.#link.flush();
    }
    this.send(payload);
  }

  /** Ends the connection, after what waits has been sent. */
  close(why: string): void {
    if (this.state === 'closed') return;
    this.#deps.logger.info({ peer: this.peer, why }, 'control connection closed');
    this.#link.end();
    this.#closed();
  }

  #data(chunk: Buffer): void {
    if (this.state === 'closed') return;
    const outcome = this.#reader.push(chunk);
    for (const payload of outcome.payloads) {
      this.#command(parseCommand(payload));
      if (!this.#alive()) return;
    }
    if (outcome.kind === 'broken') {
      this.#deps.logger.warn({ peer: this.peer, reason: outcome.reason }, 'control frame refused');
      this.close(outcome.reason);
    }
  }

  // A method, so that the compiler does not take the state from before a command for granted.
  #alive(): boolean {
    return this.state !== 'closed';
  }

  #command(command: Command): void {
    if (command.kind === 'authenticate') return this.#authenticate(command);
    if (command.kind === 'refused') return this.#refuse(command.id, command.reason);
    // The reference lets commands through before authentication; we do not.
    if (this.state !== 'authenticated') return this.#refuse(command.id, 'not authenticated');
    switch (command.kind) {
      case 'route':
        this.#deps.user.route(this, command.verb);
        return this.send(responseFrame(command.id, 'OK'));
      case 'remove-route':
        this.#deps.user.removeRoute(this, command.verb);
        return this.send(responseFrame(command.id, 'OK'));
      case 'ping':
        return this.send(responseFrame(command.id, 'OK', 'pong'));
      case 'sip':
        return this.#deps.user.sip(this, command);
      case 'proxy':
        return this.#deps.user.proxy(this, command);
    }
  }

  #authenticate(command: { id: string; secret: string; tags: readonly string[] }): void {
    const { secret } = this.#deps;
    if (secret !== undefined && !sameSecret(secret, command.secret)) {
      this.#deps.logger.warn({ peer: this.peer }, 'control peer brought a wrong secret');
      return this.#refuse(command.id, 'incorrect secret');
    }
    const { advertised, bound } = this.#deps.hostports();
    this.send(responseFrame(command.id, 'OK', advertised, PROTOCOL_VERSION, bound));
    if (this.state === 'authenticated') return;
    this.#deadline?.clear();
    this.#deadline = undefined;
    this.#reader.maxFrameBytes = MAX_FRAME_BYTES;
    this.state = 'authenticated';
    this.tags = command.tags;
    this.#deps.user.authenticated(this, secret === undefined);
  }

  #refuse(id: string, reason: string): void {
    this.send(responseFrame(id, 'NO', reason));
    this.close(reason);
  }

  #closed(): void {
    if (this.state === 'closed') return;
    const known = this.state === 'authenticated';
    this.state = 'closed';
    this.#deadline?.clear();
    this.#deadline = undefined;
    if (known) this.#deps.user.closed(this);
  }
}

/** Compares in constant time, whatever the lengths. */
function sameSecret(expected: string, given: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(expected), digest(given));
}
