import type { Logger } from '../../src/base/logger.js';
import {
  createCalls,
  type CallEvent,
  type Calls,
  type CallsDeps,
  type DeviceBinding,
} from '../../src/calls/index.js';
import type {
  Action,
  ActionResult,
  CallerIdentity,
  Leg,
  LegGroup,
  MachineStep,
  Plan,
  Step,
} from '../../src/dialplan/index.js';
import type { CallFacts, CallRecord, LegRecord, TrunkSettings } from '../../src/model/index.js';
import type { AdmittedCall, RouteDecision } from '../../src/routing/index.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';
import {
  createFakeSignalling,
  FakeCaller,
  settled,
  type FakeSignalling,
  type InviteOptions,
} from './fake-signalling.js';

const PLACE = { file: 'main.yaml', line: 7, column: 3 };
const CALLER_ID = { kind: 'keep' } as const;

export function trunk(name: string, changes: Partial<TrunkSettings> = {}): TrunkSettings {
  return {
    name,
    kind: 'carrier',
    from: [],
    to: [{ uri: `sip:${name}.example`, weight: 1, priority: 1 }],
    did: ['request-uri'],
    numbers: { country: 'US', receive: ['+e164'], send: '+e164' },
    callerId: { trust: true, header: 'p-asserted-identity' },
    limits: {},
    retryOn: [408, 480, 500, 502, 503, 504],
    media: 'direct',
    tryTimeoutMs: 4000,
    rel100: 'supported',
    ...changes,
  };
}

export function extensionStep(changes: Partial<Extract<Step, { verb: 'extension' }>> = {}): Step {
  return {
    place: PLACE,
    verb: 'extension',
    extension: { kind: 'name', name: '201' },
    callerId: CALLER_ID,
    forwards: true,
    ifOutcome: {},
    ...changes,
  };
}

export function ringStep(): Step {
  return {
    place: PLACE,
    verb: 'ring',
    targets: [],
    how: 'all',
    forMs: 20_000,
    rounds: 1,
    decline: 'skip',
    callerId: CALLER_ID,
    music: 'ringback',
    ifOutcome: {},
  };
}

export function deviceLeg(device: string, changes: Partial<Leg> = {}): Leg {
  return {
    to: { kind: 'device', device, extension: device },
    label: device,
    confirm: false,
    delayMs: 0,
    emergency: false,
    ...changes,
  };
}

export function trunkLeg(trunks: readonly string[], changes: Partial<Leg> = {}): Leg {
  return {
    to: { kind: 'trunks', trunks, number: '+13105550000' },
    label: trunks.join('+'),
    confirm: false,
    delayMs: 0,
    emergency: false,
    ...changes,
  };
}

export function connect(
  groups: readonly LegGroup[],
  changes: Partial<Extract<Action, { kind: 'connect' }>> = {},
): Action {
  const identity: CallerIdentity = { mode: 'keep', headers: [] };
  return {
    kind: 'connect',
    step: extensionStep(),
    groups,
    stopOnDecline: false,
    identity,
    fax: false,
    music: 'ringback',
    ...changes,
  };
}

export function group(legs: readonly Leg[], forMs = 20_000): LegGroup {
  return { legs, forMs };
}

export function endWith(status: number, changes: Partial<Extract<Action, { kind: 'end' }>> = {}): Action {
  return { kind: 'end', status, q850: 31, why: 'the test ends it', ...changes };
}

export interface Harness {
  readonly clock: FakeClock;
  readonly signalling: FakeSignalling;
  readonly calls: Calls;
  readonly deps: CallsDeps;
  /** Actions the machine gives, in order; the last one's successor is `end 480`. */
  script: Action[];
  /** What became of them. */
  readonly results: ActionResult[];
  readonly facts: CallFacts;
  readonly trunks: Map<string, TrunkSettings>;
  readonly bindings: Map<string, DeviceBinding[]>;
  readonly records: Map<string, CallRecord>;
  readonly legs: Map<string, LegRecord>;
  readonly writes: string[];
  readonly events: CallEvent[];
  readonly logged: { level: string; fields: object; event: string }[];
  /** Places taken and not given back. */
  readonly held: { calls: number; legs: number };
  readonly minutes: number[];
  readonly health: string[];
  /** Trunks whose legs the border refuses. */
  readonly limited: Set<string>;
  decision: ((admitted: AdmittedCall) => RouteDecision) | undefined;
  /** Replaces the record's promise. */
  answeredGate: (() => Promise<void>) | undefined;
  call(options?: InviteOptions): FakeCaller;
  /** The only record there is. */
  record(): CallRecord;
  leg(index: number): LegRecord;
  /** A call that is answered and acknowledged. */
  connected(
    options?: InviteOptions,
  ): Promise<{ caller: FakeCaller; attempt: FakeSignalling['attempts'][number] }>;
}

export interface HarnessOptions {
  readonly inTrunk?: TrunkSettings | null;
  readonly facts?: Partial<CallFacts>;
  readonly plan?: Plan;
  readonly settings?: Partial<ReturnType<CallsDeps['settings']>>;
  readonly deps?: Partial<CallsDeps>;
}

export function createHarness(options: HarnessOptions = {}): Harness {
  const clock = createFakeClock();
  const signalling = createFakeSignalling(clock);
  const inTrunk = options.inTrunk === null ? undefined : (options.inTrunk ?? trunk('acme'));
  const facts: CallFacts = {
    callId: 'call-1',
    direction: 'inbound',
    dialed: '+12025550203',
    dialedRaw: '+12025550203',
    caller: '+12125550000',
    callerRaw: '+12125550000',
    callerName: 'Alice',
    anonymous: false,
    headers: {},
    at: clock.now(),
    seed: 1,
    ...(inTrunk === undefined ? {} : { trunk: inTrunk.name }),
    ...options.facts,
  };
  const trunks = new Map(
    [trunk('acme'), trunk('backup'), trunk('pbx', { kind: 'pbx' })].map((t) => [t.name, t]),
  );
  const bindings = new Map<string, DeviceBinding[]>();
  for (const device of ['201', '202', '203']) bindings.set(device, [binding(device)]);
  const records = new Map<string, CallRecord>();
  const legs = new Map<string, LegRecord>();
  const writes: string[] = [];
  const logged: Harness['logged'] = [];
  const held = { calls: 0, legs: 0 };
  const minutes: number[] = [];
  const health: string[] = [];
  const limited = new Set<string>();
  const results: ActionResult[] = [];
  const events: CallEvent[] = [];
  let numberOfCalls = 0;

  const stepOf = (action: Action): MachineStep => ({
    action,
    state: { answered: false, variables: {}, stepsLeft: 200, internal: undefined },
    trace:
      action.kind === 'end' ? [] : [{ kind: 'step', verb: action.step.verb, name: '', place: 'main.yaml:7' }],
  });
  const nextStep = (): MachineStep => stepOf(harness.script.shift() ?? endWith(480));
  const hold = (kind: 'calls' | 'legs') => {
    held[kind] += 1;
    let held1 = true;
    return (answeredMs: number) => {
      if (held1) held[kind] -= 1;
      held1 = false;
      if (kind === 'calls') minutes.push(answeredMs);
    };
  };

  const deps: CallsDeps = {
    clock,
    logger: capturingLogger(logged),
    random: () => 0.5,
    signalling,
    router: {
      routeCall: () => {
        numberOfCalls += 1;
        const own = numberOfCalls === 1 ? facts : { ...facts, callId: `call-${numberOfCalls}` };
        const admitted: AdmittedCall = {
          kind: 'call',
          facts: own,
          plan: options.plan ?? ({} as Plan),
          revision: 3,
          step: nextStep(),
          trace: [{ kind: 'trunk', trunk: 'acme', why: 'address' }],
          border: {
            source: { address: '192.0.2.50', port: 5060, transport: 'udp' },
            party: { kind: 'unknown' },
            anonymous: false,
            direction: 'inbound',
            emergency: false,
          },
          emergency: false,
          ...(inTrunk === undefined ? {} : { trunk: inTrunk }),
        };
        return harness.decision?.(admitted) ?? admitted;
      },
      resume: (_call, _state, result) => {
        results.push(result);
        return nextStep();
      },
    },
    records: {
      open: (record) => {
        writes.push('open');
        records.set(record.id, record);
      },
      update: (id, patch) => {
        writes.push('update');
        records.set(id, { ...records.get(id)!, ...patch });
      },
      answered: async (id, patch) => {
        writes.push('answered');
        records.set(id, { ...records.get(id)!, ...patch });
        await harness.answeredGate?.();
      },
      close: (id, patch) => {
        writes.push('close');
        records.set(id, { ...records.get(id)!, ...patch });
      },
      openLeg: (leg) => {
        writes.push('openLeg');
        legs.set(leg.id, leg);
      },
      updateLeg: (id, patch) => {
        writes.push('updateLeg');
        legs.set(id, { ...legs.get(id)!, ...patch });
      },
    },
    trunks: {
      get: (name) => trunks.get(name),
      destinations: (name) => trunks.get(name)?.to ?? [],
      noteResult: (name, uri, ok) => void health.push(`${name} ${uri} ${ok ? 'ok' : 'failed'}`),
      buildOutbound: ({ destination, number, identity, extension }) => {
        if (number === 'bad') return { kind: 'invalid-number', why: 'no number' };
        const user = extension ?? number;
        return {
          kind: 'form',
          target: destination.replace('sip:', `sip:${user}@`),
          from: { uri: `sip:${identity.anonymous ? 'anonymous' : (identity.number ?? '')}@us.example` },
          to: { uri: destination.replace('sip:', `sip:${user}@`) },
          headers: [],
        };
      },
    },
    devices: { bindingsOf: (device) => bindings.get(device) ?? [] },
    capacity: {
      callStarted: () => hold('calls'),
      legStarted: ({ trunk: { name }, emergency }) =>
        limited.has(name) && !emergency
          ? {
              kind: 'refuse',
              verdict: {
                kind: 'refuse',
                status: 503,
                code: 'trunk-capacity',
                reason: 'full',
                observed: false,
              },
            }
          : { kind: 'admit', release: hold('legs') },
    },
    webhooks: { call: () => Promise.resolve({ kind: 'reply', body: {} }) },
    settings: () => ({ domain: 'us.example', ...options.settings }),
    onEvent: (event) => void events.push(event),
    ...options.deps,
  };

  const calls = createCalls(deps);
  const harness: Harness = {
    clock,
    signalling,
    calls,
    deps,
    script: [],
    results,
    facts,
    trunks,
    bindings,
    records,
    legs,
    writes,
    events,
    logged,
    held,
    minutes,
    health,
    limited,
    decision: undefined,
    answeredGate: undefined,
    call: (invite) => {
      const caller = new FakeCaller(invite);
      caller.events = calls.incoming(caller);
      return caller;
    },
    record: () => [...records.values()][0]!,
    leg: (index) => [...legs.values()][index]!,
    connected: async (invite) => {
      if (harness.script.length === 0) harness.script = [connect([group([deviceLeg('201')])])];
      const caller = harness.call(invite);
      const attempt = signalling.attempts.at(-1)!;
      attempt.provisional(180);
      attempt.answer('v=0\r\nm=audio 5000 RTP/AVP 0\r\n');
      await settled();
      caller.ack();
      return { caller, attempt };
    },
  };
  return harness;
}

export function binding(device: string, changes: Partial<DeviceBinding> = {}): DeviceBinding {
  return {
    contact: `sip:${device}@10.0.0.9:5062;line=1`,
    path: [],
    source: 'sip:203.0.113.9:40000;transport=udp',
    listener: 'udp/198.51.100.1:5060',
    ...changes,
  };
}

function capturingLogger(logged: Harness['logged']): Logger {
  const at = (level: string) => (fields: object, event: string) => void logged.push({ level, fields, event });
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}
