import type { Dialog, IncomingRequest } from '../signalling/index.js';
import {
  parseNameAddr,
  parseReplaces,
  reasonPhrase,
  unescapeUri,
  type Replaces,
  type SipRequest,
} from '../sip/index.js';

/** Whom a REFER names: a number or extension as it would be dialled, and the dialog to take over, in an attended transfer. */
export interface ReferTarget {
  readonly user: string | undefined;
  readonly replaces: Replaces | undefined;
}

/** What a user part may hold of a number: RFC 3966's separators are no part of it. */
const SEPARATORS = /[-.()]/g;

/** RFC 3515 §2.1: exactly one Refer-To. Undefined: there is none that we could follow. Its host is not looked at: the call goes by our plan. */
export function referTarget({ headers }: SipRequest): ReferTarget | undefined {
  const values = headers.list('Refer-To');
  const [value] = values;
  if (value === undefined || values.length > 1) return undefined;
  const uri = parseNameAddr(value)?.parsed;
  if (uri === undefined || !['sip', 'sips', 'tel'].includes(uri.scheme)) return undefined;
  // Another method than INVITE would be an order to send something else.
  const method = uri.params.get('method');
  if (method !== undefined && method.toUpperCase() !== 'INVITE') return undefined;
  const asked = [...(uri.headers ?? [])].find(([name]) => name.toLowerCase() === 'replaces')?.[1];
  const replaces = asked === undefined ? undefined : parseReplaces(unescapeUri(asked));
  if (asked !== undefined && replaces === undefined) return undefined;
  const user = uri.user === undefined ? '' : (unescapeUri(uri.user).split(';')[0] ?? '');
  const dialled = /^\+?[\d().-]+$/.test(user) ? user.replace(SEPARATORS, '') : user;
  if (dialled === '' && replaces === undefined) return undefined;
  return { user: dialled === '' ? undefined : dialled, replaces };
}

/** How long the subscription of a REFER lives at most; a transfer rings no longer. Seconds. */
const EXPIRES_S = 180;

/** What became of a REFER, told to who sent it (RFC 3515 §2.4.4): one NOTIFY after the other, the final one ends it. */
export class ReferSubscription {
  readonly #event: string;
  readonly #isWanted: boolean;
  #last = 0;
  #over = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(
    { request }: IncomingRequest,
    private readonly send: (r: Parameters<Dialog['request']>[0] & { method: 'NOTIFY' }) => Promise<unknown>,
    /** A further one of the same dialog has to be told from the first (RFC 3515 §2.4.6). */
    isFirst: boolean,
  ) {
    this.#event = isFirst ? 'refer' : `refer;id=${request.cseq.seq}`;
    // RFC 4488
    this.#isWanted = request.headers.get('Refer-Sub')?.trim().toLowerCase() !== 'false';
  }

  /** What the 202 has to say of it. */
  get acceptance(): readonly (readonly [string, string])[] {
    return this.#isWanted ? [] : [['Refer-Sub', 'false']];
  }

  /** A status of the call that was asked for; from 200 on it is the last one. */
  tell(status: number): void {
    if (this.#over || status === this.#last) return;
    this.#last = status;
    const isFinal = status >= 200;
    this.#over = isFinal;
    if (!this.#isWanted) return;
    const state = isFinal ? 'terminated;reason=noresource' : `active;expires=${EXPIRES_S}`;
    this.#sending = this.#sending.then(async () => {
      await this.send({
        method: 'NOTIFY',
        headers: [
          ['Event', this.#event],
          ['Subscription-State', state],
        ],
        body: { type: 'message/sipfrag;version=2.0', text: `SIP/2.0 ${status} ${reasonPhrase(status)}\r\n` },
      }).catch(() => undefined);
    });
  }

  /** Nobody is there any more to be told. */
  stop(): void {
    this.#over = true;
  }

  /** Resolves once what was told is answered. */
  get told(): Promise<void> {
    return this.#sending;
  }
}
