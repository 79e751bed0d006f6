import type { Clock } from '../base/clock.js';
import { ClientRequest } from './client-request.js';
import type { Core } from './core.js';
import type { ControlLink } from './srf/link.js';

/** Dialogs remembered of one engine; those beyond end by the far sides' own means. */
const MAX_ORPHANS = 10_000;
/** An engine that was away for longer has forgotten its dialogs, or the far sides have hung up. Milliseconds. */
const MAX_AGE_MS = 60_000;
/** BYEs sent at once, and the pause between such lots. */
const LOT = 50;
const PAUSE_MS = 100;
const BYE_MS = 34_000;

/**
 * Dialogs that ended here because the control connection was lost, while a drachtio-server may have gone on with them (section 5.13 of
 * its protocol): when it is back they get a BYE, or the phones would stay in calls of which nobody knows.
 */
export class Orphans {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #lost = new Map<ControlLink, { readonly at: number; readonly dialogIds: readonly string[] }>();

  constructor(core: Core, clock: Clock) {
    this.#core = core;
    this.#clock = clock;
  }

  /** The link is gone, and these were its confirmed dialogs. */
  remember(link: ControlLink, dialogIds: readonly string[]): void {
    if (dialogIds.length > 0)
      this.#lost.set(link, { at: this.#clock.monotonic(), dialogIds: dialogIds.slice(0, MAX_ORPHANS) });
  }

  /** The link is back. */
  release(link: ControlLink): void {
    const lost = this.#lost.get(link);
    this.#lost.delete(link);
    if (lost === undefined || this.#clock.monotonic() - lost.at > MAX_AGE_MS) return;
    this.#core.logger.warn(
      { engine: link.id, dialogs: lost.dialogIds.length },
      'ending the calls of before the loss of the engine',
    );
    this.#send(link, lost.dialogIds);
  }

  #send(link: ControlLink, dialogIds: readonly string[]): void {
    if (!link.isUp) return;
    for (const dialogId of dialogIds.slice(0, LOT)) {
      const lines = `Reason: SIP;cause=503;text="signalling was lost"\r\n${this.#core.agentLine}`;
      new ClientRequest(
        this.#core,
        link,
        { method: 'BYE', statusOnly: true, dialogId, lines, timeoutMs: BYE_MS },
        { final: () => undefined },
      );
    }
    const rest = dialogIds.slice(LOT);
    if (rest.length > 0) this.#clock.after(PAUSE_MS, () => this.#send(link, rest));
  }
}
