import type { SipRequest, SipResponse } from '../../sip/index.js';
import { dialogId, type Dialog, type Leg } from './dialog.js';

export interface DialogMatch {
  readonly dialog: Dialog;
  /** Undefined: ours by its tag, but of a fork not heard of. */
  readonly leg: Leg | undefined;
}

/** Told apart when a call leaves this server and comes back to it with the same Call-ID and From tag. */
const RETURNED = ';returned';

/** All dialogs, by the id applications know them by. */
export class DialogTable {
  readonly #byId = new Map<string, Dialog>();
  readonly #subscriptions = new Set<Dialog>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Dialog | undefined {
    return this.#byId.get(id);
  }

  /** An id for a new dialog that no other one has. */
  freeId(callId: string, creatorTag: string): string {
    const id = dialogId(callId, creatorTag);
    return this.#byId.has(id) ? `${id}${RETURNED}` : id;
  }

  /** False: another dialog has that id. */
  add(dialog: Dialog): boolean {
    if (this.#byId.has(dialog.id)) return false;
    this.#byId.set(dialog.id, dialog);
    if (dialog.kind === 'SUBSCRIBE') this.#subscriptions.add(dialog);
    return true;
  }

  delete(dialog: Dialog): void {
    if (this.#byId.get(dialog.id) === dialog) this.#byId.delete(dialog.id);
    if (dialog.kind === 'SUBSCRIBE') this.#subscriptions.delete(dialog);
  }

  /** Subscriptions that have run out. */
  *expired(now: number): IterableIterator<Dialog> {
    for (const dialog of this.#subscriptions)
      if (dialog.expiresAt !== undefined && dialog.expiresAt <= now) yield dialog;
  }

  /** The dialog a request received belongs to (RFC 3261 §12.2.2): its To tag is ours. */
  ofRequest(request: SipRequest, localTag: string, remoteTag: string): DialogMatch | undefined {
    return this.#find(request.callId, localTag, remoteTag);
  }

  /** The dialog a response received belongs to: its From tag is ours. */
  ofResponse(response: SipResponse): DialogMatch | undefined {
    return this.#find(response.callId, response.fromTag ?? '', response.toTag ?? '');
  }

  #find(callId: string, localTag: string, remoteTag: string): DialogMatch | undefined {
    return (
      this.#matches(dialogId(callId, remoteTag), 'uas', localTag, remoteTag) ??
      this.#matches(dialogId(callId, localTag), 'uac', localTag, remoteTag) ??
      this.#matches(`${dialogId(callId, remoteTag)}${RETURNED}`, 'uas', localTag, remoteTag) ??
      this.#matches(`${dialogId(callId, localTag)}${RETURNED}`, 'uac', localTag, remoteTag)
    );
  }

  #matches(id: string, role: Dialog['role'], localTag: string, remoteTag: string): DialogMatch | undefined {
    const dialog = this.#byId.get(id);
    if (dialog?.role !== role || dialog.localTag !== localTag) return undefined;
    return { dialog, leg: dialog.leg(remoteTag) };
  }

  *[Symbol.iterator](): Iterator<Dialog> {
    yield* this.#byId.values();
  }
}
