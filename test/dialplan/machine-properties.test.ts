import fc from 'fast-check';
import t from 'tap';
import { begin, resume } from '../../src/dialplan/machine-begin.js';
import type { ActionResult, MachineState, MachineStep } from '../../src/dialplan/machine.js';
import type { Outcome, Plan, Steps, Target } from '../../src/dialplan/plan.js';
import { formatTrace } from '../../src/dialplan/trace-format.js';
import type { CallFacts } from '../../src/model/index.js';
import {
  buildPlan,
  extension,
  inside,
  menu,
  number,
  outbound,
  outside,
  queue,
  rule,
  site,
  step,
  target,
  text,
  weekdays,
  world,
} from './build-plan.js';

const OUTCOMES: readonly Outcome[] = [
  'busy',
  'no-answer',
  'declined',
  'unreachable',
  'unknown',
  'limited',
  'full',
  'empty',
  'timeout',
  'refused',
  'invalid',
  'no-input',
];
const ROUTES = ['a', 'b', 'c'];
const EXTENSIONS = ['200', '201', '202', '203', '600', '999'];

const outcome = fc.constantFrom(...OUTCOMES);
const dialled = fc.constantFrom(
  '+12025550100',
  '+12025550101',
  '201',
  '600',
  '7911',
  '+4420',
  '',
  '*97',
  '${x}',
);
const who: fc.Arbitrary<Target> = fc
  .record({ name: fc.constantFrom(...EXTENSIONS, '+12125551234', '+1900555'), delayMs: fc.nat(30_000) })
  .map(({ name, delayMs }) => target(name, { delayMs, confirm: delayMs % 2 === 0 }));

/** Lists of steps of every verb, nested. */
const { steps, step: oneStep } = fc.letrec<{ steps: Steps; step: Steps[number] }>((tie) => ({
  steps: fc.array(tie('step'), { minLength: 1, maxLength: 3 }),
  step: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .integer({ min: 398, max: 699 })
      .map((status) => (status === 398 ? step.busy() : status === 399 ? step.hangup() : step.reject(status))),
    fc.constantFrom(...ROUTES, 'none').map((name) => step.goto(name)),
    fc
      .constantFrom('x', 'caller-id', 'header.X-A', 'priority', 'language')
      .chain((name) => fc.string().map((value) => step.set({ [name]: value }))),
    fc.nat(5000).map((ms) => step.wait(ms)),
    fc.constantFrom('a.wav', 'b.wav').map((file) => step.play(file)),
    fc.string().map((words) => step.say(words)),
    fc
      .record({
        name: fc.constantFrom(...EXTENSIONS),
        steps: tie('steps'),
        on: outcome,
        forwards: fc.boolean(),
      })
      .map(({ name, steps, on, forwards }) => step.extension(name, { ifOutcome: { [on]: steps }, forwards })),
    fc
      .record({ digits: fc.constantFrom(1, 3, 'rest' as const), after: tie('steps') })
      .map(({ digits, after }) => step.dnis(digits, '', { after })),
    fc
      .record({
        targets: fc.array(who, { maxLength: 4 }),
        how: fc.constantFrom('all' as const, 'in-order' as const, 'round-robin' as const, 'random' as const),
        rounds: fc.integer({ min: 1, max: 3 }),
        decline: fc.constantFrom('skip' as const, 'stop' as const),
        otherwise: tie('steps'),
      })
      .map(({ targets, ...fields }) => step.ring(targets, fields)),
    fc
      .record({ number: dialled, otherwise: tie('steps') })
      .map(({ number: called, otherwise }) =>
        step.trunk(['acme', 'backup'], { number: text(called), otherwise }),
      ),
    fc
      .record({ name: fc.constantFrom('sales', 'none'), after: tie('steps') })
      .map(({ name, after }) => step.queue(name, { after })),
    fc
      .record({ name: fc.constantFrom('main', 'none'), otherwise: tie('steps') })
      .map(({ name, otherwise }) => step.menu(name, { otherwise })),
    fc.constantFrom('x', 'code').map((name) => step.collect(name, { secret: name === 'code', attempts: 2 })),
    fc.constantFrom('message' as const, 'start' as const).map((what) => step.record(what)),
    fc.constant('box').map((name) => step.voicemail(name)),
    fc.constant('csat').map((name) => step.survey(name)),
    fc.constant('https://example.com/${x}').map((url) => step.webhook(url)),
    fc.record({ open: tie('steps'), closed: tie('steps') }).map((fields) => step.hours('office', fields)),
    fc
      .record({ then: tie('steps'), otherwise: tie('steps') })
      .map(({ then, otherwise }) => step.match({ caller: number('+1212*') }, then, otherwise)),
    fc
      .array(fc.record({ weight: fc.nat(10), route: tie('steps') }), { maxLength: 3 })
      .map((branches) => step.split(branches, branches.length === 1 ? 'caller' : 'call')),
  ),
}));

const plans: fc.Arbitrary<Plan> = fc
  .record({
    main: fc.array(oneStep, { minLength: 2, maxLength: 8 }),
    routes: fc.array(steps, { minLength: 3, maxLength: 3 }),
    keys: fc.array(steps, { minLength: 2, maxLength: 2 }),
    group: steps,
    outside: steps,
    forwards: fc.array(fc.option(who, { nil: undefined }), { minLength: 4, maxLength: 4 }),
    otherwise: steps,
  })
  .map((parts) => {
    const [always, busy, noAnswer, unreachable] = parts.forwards;
    return buildPlan({
      rules: [rule('+12025550100', parts.main, { row: { city: 'Washington' } })],
      routes: Object.fromEntries(ROUTES.map((name, index) => [name, parts.routes[index] ?? []])),
      extensions: [
        extension('200..203', {
          otherwise: parts.otherwise,
          forward: {
            ...(busy === undefined ? {} : { busy }),
            ...(noAnswer === undefined ? {} : { noAnswer }),
            ...(unreachable === undefined ? {} : { unreachable }),
          },
        }),
        extension('202', { forward: always === undefined ? {} : { always } }),
        extension('600', { where: { kind: 'route', route: parts.group } }),
      ],
      menus: [menu('main', { '1': parts.keys[0] ?? [], '2': parts.keys[1] ?? [] }, { dialExtension: true })],
      queues: [queue('sales', { otherwise: parts.otherwise })],
      hours: [weekdays('America/New_York', 510, 1080)],
      sites: [site('hq', { outsideLine: '7', emergency: { numbers: ['911'], via: ['acme'], notify: [] } })],
      outbound: [outbound({ to: '+*', via: ['acme'] }), outbound({ to: '+1900*', route: parts.outside })],
    });
  });

const calls: fc.Arbitrary<CallFacts> = fc.oneof(
  { arbitrary: fc.constant(outside('+12025550100')), weight: 5 },
  fc.constantFrom('+12025550100', '+12025550999').map((did) => outside(did)),
  dialled.map((digits) => inside('201', digits)),
);

const results: fc.Arbitrary<ActionResult> = fc.oneof(
  fc.constant<ActionResult>({ kind: 'done' }),
  fc
    .constantFrom('1', '2', '9', '201', 'x'.repeat(100), '\u0000')
    .map((digits) => ({ kind: 'done' as const, digits })),
  fc.jsonValue().map((reply) => ({ kind: 'done' as const, reply })),
  outcome.map((failure) => ({ kind: 'failed' as const, outcome: failure })),
  fc
    .array(fc.record({ label: fc.constantFrom(...EXTENSIONS), outcome }), { maxLength: 3 })
    .map((perLeg) => ({ kind: 'failed' as const, outcome: 'unreachable' as const, perLeg })),
  fc.constantFrom<ActionResult>({ kind: 'connected-ended' }, { kind: 'over' }),
);

const json = (value: unknown): string => JSON.stringify(value);
const now = world();

/** Runs until the end; after the results given, failures and silence. */
function* drive(
  plan: Plan,
  facts: CallFacts,
  given: readonly ActionResult[],
  revive: (state: MachineState) => MachineState,
) {
  let at: MachineStep = begin(plan, facts, now);
  yield at;
  let count = 0;
  while (at.action.kind !== 'end') {
    const result = given[count++] ?? { kind: 'failed', outcome: OUTCOMES[count % OUTCOMES.length] ?? 'busy' };
    at = resume(plan, facts, revive(at.state), result, now);
    yield at;
  }
}

t.test('any plan with any results ends, never throws, and is the same through JSON and again', (t) => {
  fc.assert(
    fc.property(plans, calls, fc.array(results, { maxLength: 40 }), (plan, facts, given) => {
      const frozen = [...drive(plan, facts, given, (state) => deepFreeze(state))];
      const revived = [...drive(plan, facts, given, (state) => JSON.parse(json(state)) as MachineState)];
      // 200 steps, each with at most 3 attempts or 11 hops of forwards; every input or connection begins anew.
      if (frozen.length > 200 * 12 * (given.length + 1)) throw new Error(`${frozen.length} actions`);
      if (json(frozen) !== json(revived)) throw new Error('a state that went through JSON went another way');
      for (const { trace } of frozen) formatTrace(trace);
      const last = frozen.at(-1);
      if (last?.action.kind !== 'end') throw new Error('no end');
      if (
        last.action.status < 200 ||
        last.action.status > 699 ||
        last.action.q850 < 1 ||
        last.action.q850 > 127
      ) {
        throw new Error(`status ${last.action.status}, cause ${last.action.q850}`);
      }
      const again = resume(plan, facts, last.state, { kind: 'done', digits: '1' }, now);
      if (json(again.action) !== json(last.action)) throw new Error('an ended call went on');
    }),
    { numRuns: 400 },
  );
  t.pass();
  t.end();
});

t.test('without input or a connection a call ends within its 200 steps', (t) => {
  fc.assert(
    fc.property(plans, calls, (plan, facts) => {
      let ran = 0;
      for (const { trace } of drive(plan, facts, [], (state) => state)) {
        ran += trace.filter((entry) => entry.kind === 'step').length;
      }
      if (ran > 200) throw new Error(`${ran} steps`);
    }),
    { numRuns: 200 },
  );
  t.pass();
  t.end();
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
