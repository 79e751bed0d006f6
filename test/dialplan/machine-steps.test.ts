import t from 'tap';
import { begin, resume } from '../../src/dialplan/machine-begin.js';
import type { Action, ActionResult, MachineStep, MachineWorld } from '../../src/dialplan/machine.js';
import type { Matcher, Plan, Steps } from '../../src/dialplan/plan.js';
import type { CallFacts } from '../../src/model/index.js';
import {
  buildPlan,
  device,
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
  world,
} from './build-plan.js';

const DID = '+12025550100';

/** Runs a call: each result answers one action; what is left of them at the end fails the test. */
function call(
  plan: Plan,
  results: readonly ActionResult[] = [],
  facts: CallFacts = outside(DID),
  at: MachineWorld = world(),
) {
  const actions: Action[] = [];
  const trace: MachineStep['trace'][number][] = [];
  let now = begin(plan, facts, at);
  actions.push(now.action);
  trace.push(...now.trace);
  for (const result of results) {
    if (now.action.kind === 'end') throw new Error('the call ended before its results were used');
    now = resume(plan, facts, now.state, result, at);
    actions.push(now.action);
    trace.push(...now.trace);
  }
  return { actions, last: now.action, state: now.state, trace, kinds: actions.map((action) => action.kind) };
}

const routed = (...route: Steps) => buildPlan({ rules: [rule(DID, route)] });
const failed = (outcome: Extract<ActionResult, { kind: 'failed' }>['outcome']): ActionResult => ({
  kind: 'failed',
  outcome,
});
const done: ActionResult = { kind: 'done' };

function withoutCaller(facts: CallFacts): CallFacts {
  const { caller, ...rest } = facts;
  return caller === undefined ? facts : rest;
}

function legs(action: Action): string[] {
  if (action.kind !== 'connect') throw new Error(`${action.kind} is no connection`);
  return action.groups.map((group) => group.legs.map((leg) => leg.label).join('+'));
}

function asEnd(action: Action) {
  if (action.kind !== 'end') throw new Error(`${action.kind} is not the end`);
  return action;
}

function notes(trace: MachineStep['trace']): string {
  return trace.map((entry) => JSON.stringify(entry)).join('\n');
}

t.test('a step that is done goes on, and a route that runs out ends the call', (t) => {
  const run = call(routed(step.set({ a: 'x' }), step.wait(1000), step.play('bye.wav')), [done, done]);
  t.same(run.kinds, ['wait', 'play', 'end']);
  t.match(run.last, { status: 200, q850: 16 }, 'answered by the prompt: BYE');
  t.match(asEnd(call(routed(step.set({ a: 'x' }))).last), { status: 480 }, 'unanswered: 480');
  t.match(asEnd(call(routed()).last), { status: 480 });
  const early = call(routed(step.play('bye.wav', { early: true })), [done]);
  t.match(early.last, { status: 480 }, 'early media answers nothing');
  t.end();
});

t.test('a number no rule has is refused with 404', (t) => {
  const run = call(buildPlan({}));
  t.match(run.last, { kind: 'end', status: 404 });
  t.match(run.trace[0], { kind: 'no-rule', number: DID });
  t.end();
});

t.test(
  'a failure takes if-OUTCOME, then otherwise, then what the named thing says, then the next step',
  (t) => {
    const extensions = [extension('201', { otherwise: [step.play('named.wav')] }), extension('202')];
    const plan = (...route: Steps) => buildPlan({ rules: [rule(DID, route)], extensions });
    const heard = (run: ReturnType<typeof call>) => (run.last.kind === 'play' ? run.last.prompt : run.last);
    const handlers = {
      ifOutcome: { busy: [step.play('busy.wav')] },
      otherwise: [step.play('otherwise.wav')],
    };
    t.match(heard(call(plan(step.extension('201', handlers)), [failed('busy')])), { file: 'busy.wav' });
    t.match(heard(call(plan(step.extension('201', handlers)), [failed('no-answer')])), {
      file: 'otherwise.wav',
    });
    t.match(heard(call(plan(step.extension('201')), [failed('no-answer')])), { file: 'named.wav' });
    t.match(heard(call(plan(step.extension('202'), step.play('next.wav')), [failed('busy')])), {
      file: 'next.wav',
    });
    const empty = call(plan(step.extension('202', { otherwise: [] }), step.play('next.wav')), [
      failed('busy'),
    ]);
    t.match(heard(empty), { file: 'next.wav' }, 'an empty list is a handler that does nothing');
    t.end();
  },
);

t.test('a route that runs out unanswered gives the status of its last failure', (t) => {
  const plan = buildPlan({ rules: [rule(DID, [step.extension('201')])], extensions: [extension('201')] });
  const statuses = {
    busy: 486,
    'no-answer': 480,
    declined: 603,
    unreachable: 480,
    unknown: 404,
    limited: 503,
  } as const;
  for (const [outcome, status] of Object.entries(statuses)) {
    t.match(call(plan, [failed(outcome as 'busy')]).last, { kind: 'end', status }, outcome);
  }
  t.match(
    call(routed(step.extension('999'))).last,
    { status: 404 },
    'an extension that is not there is unknown',
  );
  t.end();
});

t.test('nested lists continue behind the step that opened them, menus included; goto never returns', (t) => {
  const plan = buildPlan({
    rules: [
      rule(DID, [step.match({ caller: number('+1212*') }, [step.menu('main')]), step.play('after.wav')]),
    ],
    menus: [menu('main', { '1': [step.play('one.wav')], '2': [step.goto('fax')] })],
    routes: { fax: [step.play('fax.wav')] },
  });
  const one = call(plan, [{ kind: 'done', digits: '1' }, done, done]);
  t.same(one.kinds, ['menu', 'play', 'play', 'end']);
  t.match(one.actions[2], { prompt: { file: 'after.wav' } });
  const two = call(plan, [{ kind: 'done', digits: '2' }, done]);
  t.match(two.actions[1], { prompt: { file: 'fax.wav' } });
  t.equal(two.last.kind, 'end', 'goto left everything behind it');
  t.end();
});

t.test('after: runs when the far end has hung up, and then the call ends', (t) => {
  const extensions = [extension('201')];
  const withAfter = buildPlan({
    rules: [rule(DID, [step.extension('201', { after: [step.survey('csat')] }), step.play('never.wav')])],
    extensions,
  });
  const run = call(withAfter, [{ kind: 'connected-ended' }, done]);
  t.same(run.kinds, ['connect', 'survey', 'end']);
  const without = buildPlan({
    rules: [rule(DID, [step.extension('201'), step.play('never.wav')])],
    extensions,
  });
  t.match(call(without, [{ kind: 'connected-ended' }]).last, { kind: 'end', status: 200, q850: 16 });
  const group = buildPlan({
    rules: [rule(DID, [step.extension('600', { after: [step.survey('csat')] })])],
    extensions: [...extensions, extension('600', { where: { kind: 'route', route: [step.ring(['201'])] } })],
  });
  t.equal(
    call(group, [{ kind: 'connected-ended' }]).last.kind,
    'survey',
    'also that of an extension with a route',
  );
  t.end();
});

t.test('reject, busy and hangup end the call by whether it was answered', (t) => {
  t.match(call(routed(step.reject(603, { reason: 'No' }))).last, { status: 603, reason: 'No', q850: 21 });
  t.match(call(routed(step.reject(404))).last, { status: 404, q850: 1 });
  const busy = asEnd(call(routed(step.busy())).last);
  t.match(busy, { status: 486, q850: 17 });
  t.equal(busy.tone, undefined);
  t.match(call(routed(step.say('Sorry'), step.busy()), [done]).last, { tone: 'busy', q850: 17 });
  t.match(call(routed(step.hangup())).last, { status: 480, q850: 16 });
  t.end();
});

t.test('a caller who goes round a menu for ever does not swell the call', (t) => {
  const plan = buildPlan({
    rules: [rule(DID, [step.menu('main')])],
    menus: [menu('main', { '9': [step.play('again.wav'), step.menu('main')], '8': [step.extension('600')] })],
    extensions: [extension('600', { where: { kind: 'route', route: [step.menu('main')] } })],
  });
  const round: ActionResult[] = [{ kind: 'done', digits: '9' }, done];
  const sizes = [10, 500].map(
    (times) => JSON.stringify(call(plan, Array.from({ length: times }, () => round).flat()).state).length,
  );
  t.equal(sizes[0], sizes[1]);
  let at = begin(plan, outside(DID), world());
  let presses = 0;
  for (; at.action.kind === 'menu' && presses < 1000; presses++) {
    at = resume(plan, outside(DID), at.state, { kind: 'done', digits: '8' }, world());
  }
  t.match(at.action, { kind: 'end', why: /too deep/ }, 'extensions that lead to one another end');
  t.end();
});

t.test('200 steps without input or a connection end the call', (t) => {
  const looping = buildPlan({
    rules: [rule(DID, [step.goto('loop')])],
    routes: { loop: [step.set({ a: 'x' }), step.goto('loop')] },
  });
  const run = call(looping);
  t.match(run.last, { kind: 'end', status: 480, why: /200 steps/ });
  const asking = buildPlan({
    rules: [rule(DID, [step.goto('loop')])],
    routes: { loop: [step.collect('code'), step.goto('loop')] },
  });
  const keyed = call(
    asking,
    Array.from({ length: 500 }, (): ActionResult => ({ kind: 'done', digits: '1' })),
  );
  t.equal(keyed.last.kind, 'collect', 'input begins the count anew');
  const silent: ActionResult[] = Array.from({ length: 3 * 100 }, () => done);
  t.match(call(asking, silent.slice(0, 300)).last, { kind: 'end' }, 'silence does not');
  t.end();
});

t.test('an extension rings its devices, or its trunk, for its time', (t) => {
  const plan = buildPlan({
    rules: [rule('+12025550200..+12025550299', [step.dnis(3)]), rule('+1800555*', [step.dnis('rest', '2')])],
    extensions: [
      extension('201', { where: { kind: 'devices', devices: ['201', '201-mobile'] }, forMs: 30_000 }),
      extension('203..299', { where: { kind: 'trunk', trunk: 'hq-pbx' } }),
    ],
  });
  const phones = call(plan, [], outside('+12025550201')).last;
  t.match(phones, {
    groups: [{ forMs: 30_000, legs: [{ to: { device: '201' } }, { to: { device: '201-mobile' } }] }],
  });
  const pbx = call(plan, [], outside('+12025550299')).last;
  t.match(pbx, {
    groups: [{ legs: [{ label: '299', to: { kind: 'trunks', trunks: ['hq-pbx'], number: '299' } }] }],
  });
  t.match(call(plan, [], outside('+1800555201')).last, { kind: 'end', status: 404 }, '2201 is none');
  t.same(legs(call(plan, [], outside('+180055501')).last), ['201+201'], 'what follows the prefix, behind 2');
  t.end();
});

t.test('forwards are followed by outcome, once each, and a circle ends', (t) => {
  const extensions = [
    extension('201', {
      forward: { busy: target('202'), noAnswer: target('+12125551234'), unreachable: target('203') },
    }),
    extension('202', { forward: { busy: target('201') } }),
    extension('203', { forward: { always: target('201') } }),
    extension('204', { forward: { always: target('204') } }),
  ];
  const plan = buildPlan({
    rules: [rule(DID, [step.extension('201')]), rule('+12025550101', [step.extension('204')])],
    extensions,
    outbound: [outbound({ to: '+*', via: ['acme', 'backup'] })],
  });
  const busy = call(plan, [failed('busy'), failed('busy')]);
  t.same(busy.actions.slice(0, 2).map(legs), [['201'], ['202']]);
  t.match(busy.last, { kind: 'end', status: 480 }, '201 is not asked twice');
  t.match(notes(busy.trace), 'lead back to extension 201');
  const away = call(plan, [failed('no-answer')]).last;
  t.match(away, {
    identity: { divertedFrom: DID },
    groups: [{ legs: [{ to: { trunks: ['acme', 'backup'], number: '+12125551234' } }] }],
  });
  t.match(
    call(plan, [failed('declined')]).last,
    { kind: 'end', status: 603 },
    'nothing forwards a declined call',
  );
  t.match(call(plan, [failed('unreachable')]).last, { kind: 'end', status: 480 }, '203 leads back as well');
  t.match(call(plan, [], outside('+12025550101')).last, { kind: 'end', status: 480 });
  const off = buildPlan({ rules: [rule(DID, [step.extension('201', { forwards: false })])], extensions });
  t.match(call(off, [failed('busy')]).last, { kind: 'end', status: 486 });
  t.end();
});

t.test('an extension with a route of its own runs it, and fails as it fails', (t) => {
  const plan = buildPlan({
    rules: [rule(DID, [step.extension('600', { ifOutcome: { 'no-answer': [step.voicemail('sales')] } })])],
    extensions: [
      extension('201'),
      extension('600', { where: { kind: 'route', route: [step.ring(['201'])] } }),
    ],
  });
  const run = call(plan, [failed('no-answer'), { kind: 'over' }]);
  t.same(run.kinds, ['connect', 'voicemail', 'end']);
  t.match(
    run.trace.filter((entry) => entry.kind === 'outcome'),
    [
      { verb: 'ring', outcome: 'no-answer', next: 'the next step' },
      { verb: 'extension', outcome: 'no-answer', next: 'if-no-answer' },
    ],
  );
  t.end();
});

t.test('ring tries its members together or in turn', (t) => {
  const extensions = ['201', '202', '203'].map((name) =>
    extension(name, { forward: { always: target('999'), busy: target('999') } }),
  );
  const ring = (fields: Parameters<typeof step.ring>[1]) =>
    buildPlan({ rules: [rule(DID, [step.ring(['201', '202', '203'], fields)])], extensions });
  t.same(legs(call(ring({})).last), ['201+202+203'], 'members forwards never apply');
  t.same(legs(call(ring({ how: 'in-order', rounds: 2 })).last), ['201', '202', '203', '201', '202', '203']);
  t.same(legs(call(ring({ how: 'round-robin' })).last), ['202', '203', '201'], 'drawn');
  const turns = world({ turn: () => 2 });
  t.same(
    legs(call(ring({ how: 'round-robin' }), [], outside(DID), turns).last),
    ['203', '201', '202'],
    'by turn',
  );
  t.same(legs(call(ring({ how: 'random' })).last).toSorted(), ['201', '202', '203']);
  t.match(call(ring({ decline: 'stop' })).last, { stopOnDecline: true });
  const delayed = buildPlan({
    rules: [rule(DID, [step.ring(['201', target('202', { delayMs: 10_000, confirm: true }), '999'])])],
    extensions,
  });
  t.match(call(delayed).last, { groups: [{ legs: [{ delayMs: 0 }, { delayMs: 10_000, confirm: true }] }] });
  t.end();
});

t.test('what a ring came to: all alike, else the first of the order', (t) => {
  const extensions = ['201', '202'].map((name) => extension(name));
  const plan = buildPlan({ rules: [rule(DID, [step.ring(['201', '202'])])], extensions });
  const both = (a: 'busy', b: 'busy'): ActionResult => ({
    kind: 'failed',
    outcome: 'unreachable',
    perLeg: [
      { label: '201', outcome: a },
      { label: '202', outcome: b },
    ],
  });
  const cases: [string, string, number][] = [
    ['busy', 'busy', 486],
    ['declined', 'declined', 603],
    ['busy', 'declined', 603],
    ['busy', 'no-answer', 480],
    ['unreachable', 'busy', 486],
    ['limited', 'unreachable', 503],
  ];
  for (const [a, b, status] of cases) {
    t.match(call(plan, [both(a as 'busy', b as 'busy')]).last, { status }, `${a} and ${b}`);
  }
  const missing = buildPlan({ rules: [rule(DID, [step.ring(['201', '999'])])], extensions });
  t.match(
    call(missing, [failed('busy')]).last,
    { status: 486 },
    'one that cannot be rung counts as unreachable',
  );
  t.match(call(buildPlan({ rules: [rule(DID, [step.ring(['999'])])] })).last, { kind: 'end', status: 480 });
  t.end();
});

t.test('a trunk is asked for a number, with headers and caller-id', (t) => {
  const plan = routed(
    step.set({ 'header.X-Customer': 'a\r\nX-Evil: 1', 'caller-id': '+12025550100' }),
    step.trunk(['acme', 'backup'], {
      headers: [['X-Did', text('${did}')]],
      callerName: text('ACME ${caller}'),
    }),
  );
  const action = call(plan).last;
  t.match(action, {
    groups: [{ forMs: 60_000, legs: [{ to: { trunks: ['acme', 'backup'], number: DID } }] }],
    identity: {
      mode: 'number',
      number: '+12025550100',
      name: 'ACME +12125550000',
      headers: [
        ['X-Customer', 'aX-Evil: 1'],
        ['X-Did', DID],
      ],
    },
  });
  const none = call(routed(step.trunk('acme', { number: text('${code}') })));
  t.match(none.last, { kind: 'end', status: 404 }, 'no number in a number field is unknown');
  t.end();
});

t.test('what is dialled inside: emergency, extension, dial:, to:', (t) => {
  const plan = buildPlan({
    extensions: [
      extension('201', { callerId: '+12025550201' }),
      extension('202'),
      extension('911'),
      extension('203..299', { where: { kind: 'trunk', trunk: 'hq-pbx' } }),
    ],
    devices: [device('201'), device('202')],
    sites: [
      site('hq', {
        outsideLine: '7',
        emergency: { numbers: ['911'], via: ['acme', 'backup'], callerId: '+12025550100', notify: ['100'] },
      }),
    ],
    rules: [rule('+12025550100', []), rule('+14155550100', [])],
    outbound: [
      outbound({ to: '+1900*', route: [step.reject(603)] }),
      outbound({ to: '+*', via: ['acme'], callerId: { kind: 'local-presence' } }),
      outbound({ to: '+1800*', via: ['free'] }),
      outbound({ dial: '*97', route: [step.voicemail('201')] }),
      outbound({ dial: '8xxx', via: ['tie-line'], strip: 1 }),
      outbound({ to: '+44*', from: number('202'), via: ['uk'], prefix: '9' }),
    ],
  });
  const dial = (digits: string, from = '201') => call(plan, [], inside(from, digits)).last;
  for (const digits of ['911', '7911']) {
    t.match(
      dial(digits),
      {
        groups: [{ legs: [{ emergency: true, to: { trunks: ['acme', 'backup'], number: '911' } }] }],
        identity: { mode: 'number', number: '+12025550100' },
      },
      digits,
    );
  }
  t.same(legs(dial('202')), ['202']);
  t.same(legs(dial('299')), ['299']);
  t.match(dial('*97'), { kind: 'voicemail', mailbox: '201' });
  t.match(dial('8123'), { groups: [{ legs: [{ to: { trunks: ['tie-line'], number: '123' } }] }] });
  t.match(dial('714155559999'), {
    groups: [{ legs: [{ to: { trunks: ['acme'], number: '+14155559999' } }] }],
    identity: { mode: 'number', number: '+14155550100' },
  });
  t.match(dial('75551234'), { groups: [{ legs: [{ to: { number: '+12025551234' } }] }] }, 'a local number');
  t.match(dial('+18005551234'), {
    groups: [{ legs: [{ to: { trunks: ['free'] } }] }],
    identity: { number: '+12025550201' },
  });
  t.match(dial('719005551234'), { kind: 'end', status: 603 });
  t.match(dial('+442071234567', '202'), {
    groups: [{ legs: [{ to: { trunks: ['uk'], number: '9442071234567' } }] }],
  });
  t.match(
    dial('+442071234567'),
    { groups: [{ legs: [{ to: { trunks: ['acme'] } }] }] },
    'its from: does not fit 201',
  );
  t.match(dial('4155559999'), { kind: 'end', status: 404 }, 'without the outside line');
  t.match(dial('12'), { kind: 'end', status: 404 });
  t.end();
});

t.test('a menu offers its attempts, its keys and extensions', (t) => {
  const plan = buildPlan({
    rules: [rule(DID, [step.menu('main')])],
    extensions: [extension('201')],
    queues: [queue('sales')],
    menus: [
      menu(
        'main',
        { '1': [step.queue('sales')] },
        {
          dialExtension: true,
          noInput: { kind: 'file', file: 'nothing.wav' },
          otherwise: [step.extension('201')],
        },
      ),
    ],
  });
  t.match(call(plan, [{ kind: 'done', digits: '1' }]).last, { kind: 'queue', queue: 'sales' });
  t.same(legs(call(plan, [{ kind: 'done', digits: '201' }]).last), ['201']);
  const silent = call(plan, [done, done, done]);
  t.same(silent.kinds, ['menu', 'menu', 'menu', 'connect']);
  t.match(silent.actions[1], { attempt: 2, prompt: [{ file: 'nothing.wav' }, { file: 'main.wav' }] });
  const wrong = call(plan, [{ kind: 'done', digits: '9' }, done, { kind: 'done', digits: '__proto__' }]);
  t.match(
    wrong.trace.find((entry) => entry.kind === 'outcome'),
    { outcome: 'invalid' },
    'the last attempt counts',
  );
  t.end();
});

t.test('collect keeps what fits, and a secret stays out of the trace', (t) => {
  const plan = routed(
    step.collect('pin', { minDigits: 4, maxDigits: 4, accept: number('4xxx'), secret: true, attempts: 2 }),
    step.set({ copy: '${pin}' }),
    step.webhook('https://example.com/check?pin=${pin}&who=${caller-name}'),
  );
  const digits = (value: string): ActionResult => ({ kind: 'done', digits: value });
  const facts = outside(DID, { callerName: 'A & B/\u0000?' });
  const run = call(plan, [digits('1234'), digits('4711')], facts);
  t.match(run.last, {
    kind: 'webhook',
    url: 'https://example.com/check?pin=4711&who=A%20%26%20B%2F%3F',
    timeoutMs: 3000,
  });
  t.notMatch(notes(run.trace), '4711');
  t.notMatch(notes(run.trace), '1234');
  t.match(
    call(plan, [done, digits('12')]).trace.find((entry) => entry.kind === 'outcome'),
    { outcome: 'invalid' },
  );
  t.end();
});

t.test('queue, voicemail, record, survey and webhook say how they ended', (t) => {
  const plan = buildPlan({
    rules: [
      rule(DID, [
        step.set({ priority: '7' }),
        step.queue('sales', { ifOutcome: { full: [step.trunk('hq-pbx')] } }),
        step.record('message', { to: 'box', otherwise: [step.play('full.wav')] }),
        step.voicemail('front'),
      ]),
    ],
    queues: [queue('sales', { otherwise: [step.play('queue.wav')], maxWaitMs: 60_000 })],
  });
  t.match(call(plan).last, { kind: 'queue', priority: 7, maxWaitMs: 60_000 });
  t.equal(call(plan, [failed('full')]).state.answered, false, 'full on entry answers nothing');
  t.match(call(plan, [failed('full')]).last, { kind: 'connect' });
  t.match(call(plan, [failed('timeout')]).last, { kind: 'play', prompt: { file: 'queue.wav' } });
  t.match(call(plan, [{ kind: 'over' }]).last, { kind: 'end' }, 'over: a callback was promised');
  const kept = call(plan, [failed('empty'), done, { kind: 'done', reply: 'message-1.wav' }]);
  t.match(kept.state.variables, { recording: 'message-1.wav' });
  t.match(call(plan, [failed('empty'), done, failed('full')]).last, { prompt: { file: 'full.wav' } });
  t.match(call(plan, [failed('empty'), done, done, { kind: 'over' }]).last, { kind: 'end', status: 200 });
  const hook = routed(
    step.webhook('https://example.com/', { ifOutcome: { timeout: [step.busy()] } }),
    step.hangup(),
  );
  t.match(call(hook, [failed('timeout')]).last, { status: 486 });
  t.match(call(hook, [{ kind: 'done', reply: {} }]).last, { status: 480 });
  t.match(
    call(hook, [{ kind: 'done', reply: 'nonsense' }]).last,
    { status: 480, why: 'hung up' },
    'invalid goes on',
  );
  t.end();
});

t.test('split draws by weight; the same caller takes the same branch', (t) => {
  const branches = [
    { weight: 30, route: [step.busy()] },
    { weight: 70, route: [step.hangup()] },
  ];
  const draw = (x: number) =>
    asEnd(call(routed(step.split(branches)), [], outside(DID), world({ random: () => x })).last).status;
  t.equal(draw(0), 486);
  t.equal(draw(0.29), 486);
  t.equal(draw(0.3), 480);
  t.equal(draw(0.999), 480);
  const byCaller = routed(step.split(branches, 'caller'));
  const seen = new Map<string, Set<number>>();
  for (let caller = 0; caller < 200; caller++) {
    const facts = outside(DID, { caller: `+1212555${String(caller).padStart(4, '0')}` });
    for (const random of [0.1, 0.9]) {
      const { status } = asEnd(call(byCaller, [], facts, world({ random: () => random })).last);
      seen.set(facts.caller ?? '', (seen.get(facts.caller ?? '') ?? new Set()).add(status));
    }
  }
  t.ok([...seen.values()].every((statuses) => statuses.size === 1));
  const busy = [...seen.values()].filter((statuses) => statuses.has(486)).length;
  t.ok(busy > 30 && busy < 90, `about three in ten (${busy} of 200)`);
  t.end();
});

t.test('match compares facts, lists, sites and withheld numbers', (t) => {
  const plan = (facts: Record<string, Matcher>) =>
    buildPlan({
      rules: [rule(DID, [step.match(facts, [step.busy()], [step.hangup()])])],
      lists: { vip: [number('+12125550000'), { kind: 'list', name: 'vip' }] },
    });
  const status = (facts: Record<string, Matcher>, about: CallFacts = outside(DID)) =>
    asEnd(call(plan(facts), [], about).last).status;
  t.equal(status({ caller: { kind: 'list', name: 'vip' } }), 486);
  t.equal(
    status({ caller: { kind: 'list', name: 'vip' }, trunk: { kind: 'text', text: 'other' } }),
    480,
    'all must hold',
  );
  t.equal(status({ trunk: { kind: 'text', text: 'acme' } }), 486);
  const nobody = withoutCaller(outside(DID, { anonymous: true }));
  t.equal(status({ caller: { kind: 'anonymous' } }, nobody), 486);
  t.equal(status({ caller: { kind: 'site', name: 'hq' } }, outside(DID, { site: 'hq' })), 486);
  t.equal(
    status({ 'header.x-lang': { kind: 'text', text: 'de' } }, outside(DID, { headers: { 'x-lang': 'de' } })),
    486,
  );
  t.equal(
    status(JSON.parse('{"constructor":{"kind":"text","text":""}}') as Record<string, Matcher>),
    486,
    'an unset variable is empty, whatever its name',
  );
  t.end();
});
