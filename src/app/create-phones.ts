import type { Clock } from '../base/clock.js';
import { randomHex } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import { findExtension, type DialplanService } from '../dialplan/index.js';
import {
  createMessageWaiting,
  createRegistrar,
  type Binding,
  type MessageWaiting,
  type Registrar,
  type RegistrarDeps,
} from '../registrar/index.js';
import type { Signalling } from '../signalling/index.js';
import type { Store } from '../store/index.js';
import { keepPhoneAlive } from './send-options.js';
import { sendSummary } from './send-summary.js';

/** Phones: where they are, and their lamps. */
export interface Phones {
  readonly registrar: Registrar;
  readonly messageWaiting: MessageWaiting;
}

/** The registrar, started, and message waiting beside it; both stop with `stop`. */
export function createPhones(deps: {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly domain: string;
  readonly algorithms: RegistrarDeps['algorithms'];
  readonly natKeepAliveMs: () => number;
  readonly signalling: Pick<Signalling, 'request'>;
  readonly dialplan: Pick<DialplanService, 'current'>;
  readonly trunkLogin: NonNullable<RegistrarDeps['trunkLogin']>;
  readonly store: Pick<Store<Binding>, 'registrations' | 'voicemail'>;
  readonly onFailure: (address: string) => void;
}): Phones & { stop(): void } {
  const { clock, logger, domain, signalling, store } = deps;
  const plan = () => deps.dialplan.current().plan;
  const registrar = createRegistrar({
    clock,
    logger,
    randomHex,
    realm: domain,
    algorithms: deps.algorithms,
    device: (name) => plan().devices.get(name),
    trunkLogin: deps.trunkLogin,
    store: store.registrations,
    natKeepAlive: { everyMs: deps.natKeepAliveMs, send: keepPhoneAlive(signalling, domain) },
    onFailure: deps.onFailure,
    onChange: ({ kind, binding }) => {
      if (kind === 'registered') messageWaiting.registered(binding);
    },
  });
  const messageWaiting = createMessageWaiting({
    clock,
    logger,
    domain,
    authenticate: (request, source) => registrar.authenticateInvite(request, source),
    bindings: () => registrar.list(),
    mailboxOf: (extension) => findExtension(plan(), extension, undefined)?.definition.mailbox,
    counts: (mailbox) => store.voicemail.counts(mailbox),
    send: sendSummary(signalling),
  });
  registrar.start();
  messageWaiting.start();
  return {
    registrar,
    messageWaiting,
    stop: () => {
      messageWaiting.stop();
      registrar.stop();
    },
  };
}
