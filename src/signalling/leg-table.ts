import type { SrfRequest, SrfResponse } from './srf/types.js';
import type { ControlLink } from './srf/link.js';

/** What the table holds: a call leg from its INVITE to its end. */
export interface Leg {
  readonly link: ControlLink;
  /** A request inside its dialog, ACK included; `source` is `application` for a BYE that the server made. */
  onRequest(request: SrfRequest, response: SrfResponse): void;
  /** The control connection is gone. */
  engineLost(): void;
  /** We are shutting down. */
  shutDown(): void;
}

/**
 * All legs by dialog id, which both sides of the control connection derive alike: `<Call-ID>;from-tag=<From tag of the INVITE>`.
 */
export class LegTable {
  readonly #legs = new Map<string, Leg>();

  get size(): number {
    return this.#legs.size;
  }

  get(dialogId: string): Leg | undefined {
    return this.#legs.get(dialogId);
  }

  /** Adds a leg, or puts it in the place of the one that became it. */
  set(dialogId: string, leg: Leg): void {
    this.#legs.set(dialogId, leg);
  }

  /** Removes `leg`, unless another has taken its place. */
  delete(dialogId: string, leg: Leg): void {
    if (this.#legs.get(dialogId) === leg) this.#legs.delete(dialogId);
  }

  /** The legs there are now, as a copy: ending one changes the table. */
  all(): [dialogId: string, leg: Leg][] {
    return [...this.#legs];
  }
}

export function dialogIdOf(callId: string, fromTag: string | undefined): string {
  return `${callId};from-tag=${fromTag ?? ''}`;
}

/** A copy that holds no part of the message it was cut out of. */
export function detached(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
