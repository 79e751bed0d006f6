import type { Clock, Timer } from '../base/clock.js';
import type { DeviceDefinition } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';
import { MESSAGE_SUMMARY, SUMMARY_TYPE } from './message-summary.js';
import type { RegistrationSource, SubscriptionDialog } from './ports.js';

/** Subscriptions of one device, and of all: phones that forget theirs make new ones. */
const MAX_OF_DEVICE = 10;
const MAX_SUBSCRIPTIONS = 20_000;
/** How often those that ran out are looked for. Milliseconds. */
const SWEEP_MS = 5000;

const DEFAULT_EXPIRES_S = 3600;
const MIN_EXPIRES_S = 60;
const MAX_EXPIRES_S = 7200;

/** A phone that asked to be told of its mailbox (RFC 6665). */
export interface Subscription {
  readonly device: string;
  readonly extension: string;
  readonly dialog: SubscriptionDialog;
  /** As it came: a phone may have several, told apart by `id` (RFC 6665 §8.2.1). */
  readonly event: string;
  /** Address and port it came from. */
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface SubscribeAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Subscriptions {
  /** Takes, refreshes or ends one; who asks has proved itself. `told`: send a NOTIFY once the answer has left. */
  take(
    request: SipRequest,
    device: DeviceDefinition,
    source: RegistrationSource,
    dialog: SubscriptionDialog,
  ): { readonly answer: SubscribeAnswer; readonly told?: Subscription };
  all(): Iterable<Subscription>;
  /** Whether it is still the one of its dialog. */
  isCurrent(subscription: Subscription): boolean;
  remove(subscription: Subscription): void;
  start(): void;
  stop(): void;
}

/** Why a SUBSCRIBE is refused before anybody is asked for a password; undefined: it may go on. */
export function refuseSubscribe(request: SipRequest): SubscribeAnswer | undefined {
  if (eventOf(request) !== MESSAGE_SUMMARY)
    return { status: 489, headers: [['Allow-Events', MESSAGE_SUMMARY]] };
  if (request.headers.has('Accept')) {
    const types = request.headers.list('Accept').map((type) => /^[^;\s]*/.exec(type)![0].toLowerCase());
    const fits = types.some((type) => type === SUMMARY_TYPE || type === 'application/*' || type === '*/*');
    if (types.length > 0 && !fits) return { status: 406, headers: [['Accept', SUMMARY_TYPE]] };
  }
  const expires = expiresOf(request);
  return expires > 0 && expires < MIN_EXPIRES_S
    ? { status: 423, headers: [['Min-Expires', String(MIN_EXPIRES_S)]] }
    : undefined;
}

export function createSubscriptions(deps: {
  readonly clock: Clock;
  /** One that ran out; it is gone from here. */
  readonly onExpired: (subscription: Subscription) => void;
}): Subscriptions {
  const { clock } = deps;
  /** By the dialog and the event within it. */
  const byKey = new Map<string, Subscription>();
  let timer: Timer | undefined;

  const keyOf = ({ dialog, event }: Pick<Subscription, 'dialog' | 'event'>): string =>
    `${dialog.engineId} ${dialog.id} ${event}`;

  const sweep = (): void => {
    const now = clock.now();
    for (const [key, subscription] of byKey) {
      if (subscription.expiresAt > now) continue;
      byKey.delete(key);
      deps.onExpired(subscription);
    }
    timer = clock.after(SWEEP_MS, sweep);
  };

  /** A device that has too many loses its oldest; it is the one most likely forgotten. */
  const hasRoom = (device: string): boolean => {
    const own = [...byKey].filter(([, one]) => one.device === device);
    if (own.length >= MAX_OF_DEVICE) byKey.delete(own[0]![0]);
    return byKey.size < MAX_SUBSCRIPTIONS;
  };

  return {
    take(request, device, source, dialog) {
      const expires = Math.min(expiresOf(request), MAX_EXPIRES_S);
      const event = request.headers.get('Event') ?? MESSAGE_SUMMARY;
      const subscription: Subscription = {
        device: device.name,
        extension: device.extension,
        dialog,
        event,
        source: `${source.address}:${source.port}`,
        expiresAt: clock.now() + expires * 1000,
      };
      const key = keyOf(subscription);
      const known = byKey.get(key);
      // A dialog that nobody here knows: the phone shall begin a new one (RFC 6665 §4.1.2.4).
      if (known === undefined && request.toTag !== undefined) return { answer: { status: 481, headers: [] } };
      if (known !== undefined && known.device !== device.name)
        return { answer: { status: 403, headers: [] } };
      byKey.delete(key);
      if (expires > 0) {
        if (!hasRoom(device.name)) return { answer: { status: 503, headers: [['Retry-After', '300']] } };
        byKey.set(key, subscription);
      }
      return { answer: { status: 200, headers: [['Expires', String(expires)]] }, told: subscription };
    },
    all: () => byKey.values(),
    isCurrent: (subscription) => byKey.get(keyOf(subscription)) === subscription,
    remove(subscription) {
      const key = keyOf(subscription);
      if (byKey.get(key) === subscription) byKey.delete(key);
    },
    start: () => {
      timer ??= clock.after(SWEEP_MS, sweep);
    },
    stop: () => {
      timer?.clear();
      timer = undefined;
    },
  };
}

function eventOf(request: SipRequest): string {
  return /^[^;\s]*/.exec(request.headers.get('Event') ?? '')![0].toLowerCase();
}

/** Seconds; 0 ends the subscription, or asks once (RFC 6665 §4.4.3). */
function expiresOf(request: SipRequest): number {
  const text = request.headers.get('Expires');
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : DEFAULT_EXPIRES_S;
}
