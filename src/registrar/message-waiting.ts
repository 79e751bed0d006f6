import type { Clock, Timer } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import { escapeUser, type SipRequest } from '../sip/index.js';
import type { InviteVerdict } from './create-registrar.js';
import { MESSAGE_SUMMARY, messageSummary } from './message-summary.js';
import type { Binding, RegistrationSource, SendSummary, SubscriptionDialog, WaitingCounts } from './ports.js';
import {
  createSubscriptions,
  refuseSubscribe,
  type SubscribeAnswer,
  type Subscription,
} from './subscriptions.js';

/** What changes within this time is told together. Milliseconds. */
const TICK_MS = 250;
/** So many leave in one tick, so that phones that all come back at once make no burst. */
const MAX_PER_TICK = 100;
/** NOTIFYs that wait for their tick. */
const MAX_WAITING = 20_000;

export interface MessageWaitingDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `sip.domain`; that of a tenant is `tenant.` before it. */
  readonly domain: string;
  /** Digest of who subscribes: the registrar's. */
  readonly authenticate: (request: SipRequest, source: { readonly address: string }) => InviteVerdict;
  readonly bindings: () => readonly Binding[];
  /** The mailbox of an extension, of the plan in force. */
  readonly mailboxOf: (extension: string) => string | undefined;
  readonly counts: (mailbox: string) => WaitingCounts;
  readonly send: SendSummary;
}

/** Phones light their lamp for messages (RFC 3842): those that subscribed, and all others as they register. */
export interface MessageWaiting {
  /** The counts of a mailbox changed. */
  changed(mailbox: string): void;
  /** A phone registered, or came back after it was switched off. */
  registered(binding: Binding): void;
  /** Answers a SUBSCRIBE; its NOTIFY leaves a little later. */
  subscribe(
    request: SipRequest,
    source: RegistrationSource,
    dialog: SubscriptionDialog | undefined,
  ): SubscribeAnswer;
  start(): void;
  stop(): void;
}

/** One NOTIFY that is to leave; the counts are those of the moment it does. */
type Job =
  | { readonly kind: 'subscription'; readonly subscription: Subscription; readonly last: boolean }
  | { readonly kind: 'binding'; readonly binding: Binding };

export function createMessageWaiting(deps: MessageWaitingDeps): MessageWaiting {
  const { clock, logger } = deps;
  /** By whom it goes to, so that one that waits already is not told twice. */
  const jobs = new Map<string, Job>();
  const subscriptions = createSubscriptions({
    clock,
    onExpired: (subscription) => add({ kind: 'subscription', subscription, last: true }),
  });
  let timer: Timer | undefined;
  let running = false;

  function add(job: Job): void {
    const key = keyOf(job);
    if (!running || (jobs.size >= MAX_WAITING && !jobs.has(key))) return;
    jobs.set(key, job);
    timer ??= clock.after(TICK_MS, tick);
  }

  function tick(): void {
    timer = undefined;
    let left = MAX_PER_TICK;
    for (const [key, job] of jobs) {
      if (left-- === 0) break;
      jobs.delete(key);
      notify(job).catch((error: unknown) => {
        logger.warn({ to: nameOf(job), reason: String(error) }, 'a phone was not told of its messages');
      });
    }
    if (jobs.size > 0 && running) timer = clock.after(TICK_MS, tick);
  }

  async function notify(job: Job): Promise<void> {
    const { extension } = job.kind === 'binding' ? job.binding : job.subscription;
    const account = accountOf(extension, deps.domain);
    const mailbox = deps.mailboxOf(extension);
    const counts = mailbox === undefined ? { new: 0, saved: 0 } : deps.counts(mailbox);
    const body = messageSummary(account, counts);
    if (job.kind === 'binding') {
      const headers = [
        ['Event', MESSAGE_SUMMARY],
        // Nobody subscribed: as other PBXs say it.
        ['Subscription-State', 'terminated;reason=noresource'],
      ] as const;
      await deps.send({ kind: 'phone', binding: job.binding, account }, headers, body);
      return;
    }
    const { subscription, last } = job;
    const forS = Math.ceil((subscription.expiresAt - clock.now()) / 1000);
    const isOver = last || forS <= 0;
    if (!isOver && !subscriptions.isCurrent(subscription)) return;
    const headers = [
      ['Event', subscription.event],
      ['Subscription-State', isOver ? 'terminated;reason=timeout' : `active;expires=${forS}`],
    ] as const;
    const status = await deps.send(
      { kind: 'subscriber', dialog: subscription.dialog, account },
      headers,
      body,
    );
    // RFC 6665 §4.2.2: who does not take it has no subscription any more, and is told as any other phone.
    if (isOver || (status !== undefined && (status < 300 || status === 503))) return;
    subscriptions.remove(subscription);
    for (const binding of deps.bindings())
      if (addressOf(binding) === subscription.source) add({ kind: 'binding', binding });
  }

  return {
    changed(mailbox) {
      const subscribed = new Set<string>();
      for (const subscription of subscriptions.all()) {
        subscribed.add(subscription.source);
        if (deps.mailboxOf(subscription.extension) === mailbox)
          add({ kind: 'subscription', subscription, last: false });
      }
      for (const binding of deps.bindings())
        if (deps.mailboxOf(binding.extension) === mailbox && !subscribed.has(addressOf(binding)))
          add({ kind: 'binding', binding });
    },
    registered(binding) {
      if (deps.mailboxOf(binding.extension) !== undefined) add({ kind: 'binding', binding });
    },
    subscribe(request, source, dialog) {
      const refused = refuseSubscribe(request);
      if (refused !== undefined) return refused;
      const verdict = deps.authenticate(request, source);
      switch (verdict.kind) {
        case 'challenge':
          return { status: 401, headers: verdict.headers };
        case 'failed':
        case 'trunk':
          return { status: 403, headers: [] };
        case 'ok': {
          const { device } = verdict;
          if (dialog === undefined || deps.mailboxOf(device.extension) === undefined)
            return { status: 404, headers: [] };
          const { answer, told } = subscriptions.take(request, device, source, dialog);
          if (told !== undefined) add({ kind: 'subscription', subscription: told, last: false });
          return answer;
        }
      }
    },
    start: () => {
      running = true;
      subscriptions.start();
    },
    stop: () => {
      running = false;
      timer?.clear();
      timer = undefined;
      jobs.clear();
      subscriptions.stop();
    },
  };
}

function keyOf(job: Job): string {
  return job.kind === 'binding'
    ? `binding ${job.binding.device} ${job.binding.contact}`
    : `subscription ${job.subscription.dialog.engineId} ${job.subscription.dialog.id} ${job.subscription.event}`;
}

function nameOf(job: Job): string {
  return job.kind === 'binding' ? job.binding.device : job.subscription.device;
}

/** `192.0.2.5:5060`, of the source of a binding. */
function addressOf({ source }: Binding): string {
  return source.slice('sip:'.length, source.indexOf(';')).replace(/[[\]]/g, '');
}

/** `acme/201` → `sip:201@acme.domain`. */
function accountOf(extension: string, domain: string): string {
  const cut = extension.lastIndexOf('/');
  const user = escapeUser(extension.slice(cut + 1));
  return cut === -1 ? `sip:${user}@${domain}` : `sip:${user}@${extension.slice(0, cut)}.${domain}`;
}
