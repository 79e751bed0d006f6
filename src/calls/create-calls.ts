import type { Timer } from '../base/clock.js';
import type { EndCause } from '../model/index.js';
import type {
  AgentOffer,
  CallbackPlacement,
  PlacementOutcome,
  Queues,
  Ringing,
  RingOutcome,
} from '../queues/index.js';
import type { RouteDecision, Router } from '../routing/index.js';
import type { IncomingCall, IncomingCallEvents } from '../signalling/index.js';
import { BusyExtensions } from './busy-extensions.js';
import { Call } from './call.js';
import type { CallEnvironment, CallSettings } from './call-environment.js';
import { Callbacks } from './callbacks.js';
import { callerAbilities } from './caller-abilities.js';
import { systemCause } from './cause.js';
import { ConferenceRooms } from './conference-rooms.js';
import type { CallEvent, MediaParts, RunningCall } from './ports.js';
import { findNamed, type LiveCall, type Party } from './live-call.js';
import { ParkingLot } from './parking.js';
import type { RecordOrder } from './on-demand-recording.js';
import { CallRecorder } from './recorder.js';
import type { SupervisionOrder, SupervisionStart } from './supervision.js';
import { replacementOf } from './replaces.js';
import type { TransferStart } from './transfer.js';
import type { WaitingLeg } from './waiting-leg.js';

export interface CallsDeps extends Omit<
  CallEnvironment,
  | 'router'
  | 'ownLegs'
  | 'event'
  | 'began'
  | 'ended'
  | 'named'
  | 'parking'
  | 'ringingAt'
  | 'plan'
  | 'settings'
  | 'media'
  | 'conferences'
  | 'queues'
  | 'callbackNumber'
  | 'busy'
> {
  readonly router: Pick<Router, 'routeCall' | 'resume'>;
  /** Absent: nothing can be played, and the two sides of a call send their media to one another. */
  readonly media?: MediaParts;
  /** Absent: no step leads into a queue. */
  readonly queues?: Queues<WaitingLeg>;
  /** Where a caller who entered this may be called back, in E.164; undefined: it is no number. */
  readonly callbackNumber?: (digits: string) => string | undefined;
  /** The plan in force, for calls that we make by ourselves. Absent: none are made. */
  readonly plan?: CallEnvironment['plan'];
  /** Asked for each call, so that a reload takes force. */
  readonly settings: () => Partial<CallSettings> & Pick<CallSettings, 'domain'>;
  /** Told of calls as they go. */
  readonly onEvent?: (event: CallEvent) => void;
}

/** All calls that run. */
export interface Calls {
  /** Synchronous, as the signalling port wants it. */
  incoming(call: IncomingCall): IncomingCallEvents;
  list(): RunningCall[];
  get(id: string): RunningCall | undefined;
  /** Ends a call by order of the API; false when there is none of this id. */
  hangUp(id: string): boolean;
  readonly size: number;
  /** Sends `who` of an answered call on to what is dialled as `to`; the other one is let go once that answers. */
  transfer(id: string, order: { readonly who: Party; readonly to: string }): TransferStart;
  /** Records what the two of an answered call say, or no longer. */
  record(id: string, what: 'start' | 'stop'): RecordOrder;
  /** Rings a supervisor, who then hears an answered call. */
  supervise(id: string, order: SupervisionOrder): SupervisionStart;
  /** Rings an agent for a caller who waits in a queue; of queues. */
  ringAgent(offer: AgentOffer, on: RingOutcome<WaitingLeg>): Ringing;
  /** Calls somebody who was promised it; of queues. */
  placeCallback(placement: CallbackPlacement<WaitingLeg>, on: PlacementOutcome<WaitingLeg>): Ringing;
  /** No new calls from now on (503 with Retry-After). Resolves when none runs, or once the deadline has ended those that did. */
  drain(deadlineMs: number): Promise<void>;
  /** Ends every call at once. */
  stop(): void;
}

const DEFAULT_RING_TIMEOUT_MS = 180_000;
const DEFAULT_RING_FAST_MS = 4000;

/** Hops of a call whose INVITE does not say (RFC 3261 §16.6). */
const DEFAULT_MAX_FORWARDS = 70;

/** How long callers turned away while we drain are told to wait, seconds. */
const DRAIN_RETRY_AFTER_S = 30;

const IGNORED: IncomingCallEvents = {
  cancelled: () => undefined,
  earlyChange: (change) => change.reject(500),
};

/** The calls: each INVITE becomes one, or is refused. */
export function createCalls(deps: CallsDeps): Calls {
  const { logger, clock } = deps;
  const running = new Map<string, LiveCall>();
  const drained: (() => void)[] = [];
  let draining = false;

  const settings = (): CallSettings => {
    const { domain, ringTimeoutMs, ringFastMs } = deps.settings();
    return {
      domain,
      ringTimeoutMs: ringTimeoutMs ?? DEFAULT_RING_TIMEOUT_MS,
      ringFastMs: ringFastMs ?? DEFAULT_RING_FAST_MS,
    };
  };

  const environment: CallEnvironment = {
    clock,
    logger,
    random: deps.random,
    signalling: deps.signalling,
    router: deps.router,
    records: deps.records,
    trunks: deps.trunks,
    devices: deps.devices,
    capacity: deps.capacity,
    webhooks: deps.webhooks,
    media: deps.media,
    conferences: deps.media === undefined ? undefined : new ConferenceRooms(deps.media.engine),
    queues: deps.queues,
    busy: new BusyExtensions((extension, busy) => deps.queues?.agents.busy(extension, busy)),
    callbackNumber: (digits) => deps.callbackNumber?.(digits),
    settings,
    ownLegs: new Map(),
    event: (kind, call) => {
      try {
        deps.onEvent?.({ kind, call: call.show() });
      } catch (error) {
        logger.error({ err: error, callId: call.id }, 'a listener to call events failed');
      }
    },
    plan: () => deps.plan?.(),
    parking: new ParkingLot(),
    ringingAt: (extension) => {
      for (const call of running.values()) {
        const found = call.ringingAt(extension);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    named: (replaces) => findNamed(running.values(), replaces),
    began: (call) => {
      running.set(call.id, call);
    },
    ended: (call) => {
      running.delete(call.id);
      if (running.size === 0) for (const resolve of drained.splice(0)) resolve();
    },
  };

  const callbacks = new Callbacks(environment);

  function refuse(
    incoming: IncomingCall,
    status: number,
    why: string,
    retryAfterS?: number,
  ): IncomingCallEvents {
    logger.info(
      { status, why, source: incoming.source.address, sipCallId: incoming.request.callId },
      'call refused',
    );
    incoming.reject({
      status,
      ...(retryAfterS === undefined ? {} : { headers: [['Retry-After', String(retryAfterS)]] }),
    });
    return IGNORED;
  }

  function recordRefusal(incoming: IncomingCall, decision: Extract<RouteDecision, { kind: 'refuse' }>): void {
    const { known } = decision;
    // Who is nobody we know leaves no record: a flood would fill the disk.
    if (known === undefined) return;
    const recorder = new CallRecorder(deps.records, clock, logger, known.facts.callId);
    recorder.open({
      facts: known.facts,
      sipCallId: incoming.request.callId,
      sourceAddress: incoming.source.address,
      planRevision: known.revision,
      trace: known.trace,
    });
    const cause: EndCause = {
      ...systemCause('border', decision.status, `${decision.code}: ${decision.reason}`),
    };
    recorder.close({ endAt: clock.now(), cause });
  }

  function admit(incoming: IncomingCall): IncomingCallEvents {
    const { request, source } = incoming;
    if (draining) return refuse(incoming, 503, 'draining', DRAIN_RETRY_AFTER_S);
    const hops = request.maxForwards ?? DEFAULT_MAX_FORWARDS;
    if (hops === 0) return refuse(incoming, 483, 'Max-Forwards is 0');
    const decision = deps.router.routeCall(request, source);
    switch (decision.kind) {
      case 'challenge':
        incoming.reject({ status: decision.status, headers: decision.headers });
        return IGNORED;
      case 'refuse':
        recordRefusal(incoming, decision);
        return refuse(
          incoming,
          decision.status,
          `${decision.code}: ${decision.reason}`,
          decision.retryAfterS,
        );
      case 'call':
        return begin(incoming, decision, hops);
    }
  }

  function begin(
    incoming: IncomingCall,
    route: Extract<RouteDecision, { kind: 'call' }>,
    hops: number,
  ): IncomingCallEvents {
    const abilities = callerAbilities(incoming.request, route.trunk);
    if (abilities.unsupported.length > 0) {
      // RFC 3261 §8.2.2.3
      incoming.reject({ status: 420, headers: [['Unsupported', abilities.unsupported.join(', ')]] });
      return IGNORED;
    }
    // An INVITE of ours that comes back with another number went through a proxy; with one it had before, it goes in circles.
    const before = environment.ownLegs.get(incoming.request.callId)?.chain ?? [];
    if (before.includes(route.facts.dialed)) {
      return refuse(incoming, 482, `${route.facts.dialed} came back to us`);
    }
    const replacement = replacementOf(incoming.request, route.facts, (replaces) =>
      environment.named(replaces),
    );
    if (replacement.kind === 'refuse') return refuse(incoming, replacement.status, replacement.why);
    const call = new Call(environment, incoming, route, {
      abilities,
      maxForwards: hops - 1,
      chain: [...before, route.facts.dialed],
    });
    running.set(call.id, call);
    logger.info(
      {
        callId: call.id,
        trunk: route.facts.trunk,
        extension: route.facts.extension,
        dialed: route.facts.dialed,
      },
      'call started',
    );
    for (const entry of route.step.trace) {
      if (entry.kind !== 'no-rule') continue;
      logger.warn({ callId: call.id, number: entry.number, nearest: entry.near }, 'no rule fits the number');
    }
    if (replacement.kind === 'leg') call.beginReplacing(replacement.replaced);
    else call.begin(route.step);
    return {
      cancelled: (reason) => call.cancelled(reason),
      earlyChange: (change) => call.change(change),
    };
  }

  function endAll(kind: string): void {
    for (const call of [...running.values()]) call.end(systemCause(kind, 503));
  }

  return {
    incoming: (incoming) => {
      try {
        return admit(incoming);
      } catch (error) {
        logger.error({ err: error, sipCallId: incoming.request.callId }, 'call failed by a fault');
        incoming.reject({ status: 500 });
        return IGNORED;
      }
    },
    list: () => [...running.values()].map((call) => call.show()),
    get: (id) => running.get(id)?.show(),
    hangUp: (id) => {
      const call = running.get(id);
      call?.end({ sip: 480, q850: 16, by: 'system', kind: 'api', text: 'Ended by an operator' });
      return call !== undefined;
    },
    transfer: (id, { who, to }) =>
      running.get(id)?.transfers.order(who, to) ?? {
        kind: 'refused',
        reason: 'no-such-call',
        why: 'there is no such call',
      },
    record: (id, what) => running.get(id)?.onDemand.order(what, 'an operator') ?? 'no-such-call',
    supervise: (id, order) =>
      running.get(id)?.supervision.start(order) ?? { kind: 'refused', reason: 'no-such-call' },
    ringAgent: (offer, on) => {
      if (offer.kind === 'callback') return callbacks.ring(offer, on);
      const ringing = running.get(offer.callId)?.ringAgent(offer, on);
      if (ringing !== undefined) return ringing;
      on.failed('unreachable');
      return { cancel: () => undefined };
    },
    placeCallback: (placement, on) => callbacks.place(placement, on),
    get size() {
      return running.size;
    },
    drain: async (deadlineMs) => {
      draining = true;
      if (running.size === 0) return;
      let timer: Timer | undefined;
      await new Promise<void>((resolve) => {
        drained.push(resolve);
        timer = clock.after(deadlineMs, () => endAll('drained'));
      });
      timer?.clear();
    },
    stop: () => {
      draining = true;
      endAll('drained');
    },
  };
}
