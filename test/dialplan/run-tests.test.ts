import t, { type Test } from 'tap';
import { runPlanTests, testDiagnostics } from '../../src/dialplan/run-tests.js';
import type { Plan, PlanTest, StepPicture, Verb } from '../../src/dialplan/plan.js';
import {
  buildPlan,
  device,
  extension,
  menu,
  number,
  outbound,
  place,
  queue,
  rule,
  site,
  step,
  target,
  text,
  weekdays,
} from './build-plan.js';

const NOTHING: PlanTest['given'] = { legs: {}, queues: {}, trunks: {}, webhooks: {}, hours: {} };
const TUESDAY = Date.parse('2026-11-24T15:00Z');

function picture(verb: Verb, value: string | readonly string[], is?: StepPicture['is']): StepPicture {
  return { place: place(), verb, value, ...(is === undefined ? {} : { is }) };
}

interface Sketch {
  readonly to?: string;
  readonly dial?: string;
  readonly from?: string;
  readonly at?: number;
  readonly press?: readonly string[];
  readonly given?: Partial<PlanTest['given']>;
  readonly expect: PlanTest['expect'];
}

function testOf(name: string, sketch: Sketch): PlanTest {
  const at = sketch.at === undefined ? {} : { at: sketch.at };
  return {
    place: place(),
    name,
    call:
      sketch.dial === undefined
        ? {
            kind: 'outside',
            to: sketch.to ?? '+12025550100',
            ...(sketch.from === undefined ? {} : { from: sketch.from }),
            ...at,
          }
        : { kind: 'inside', extension: '201', dial: sketch.dial, ...at },
    press: sketch.press ?? [],
    given: { ...NOTHING, ...sketch.given },
    expect: sketch.expect,
  };
}

const plan = buildPlan({
  rules: [
    rule('+12025550100', [
      step.hours('office', { open: [step.menu('main')], closed: [step.voicemail('front-desk')] }),
    ]),
    rule('+12025550101', [
      step.queue('sales', { ifOutcome: { full: [step.busy()] }, after: [step.survey('csat')] }),
      step.voicemail('front-desk'),
    ]),
    rule('+12025550102', [step.trunk(['acme', 'backup'], { number: text('+4420') }), step.reject(603)]),
    rule('+12025550103', [
      step.webhook('https://example.com/', { ifOutcome: { timeout: [step.hangup()] } }),
      step.extension('201'),
    ]),
    rule('+12025550104', [
      step.split([
        { weight: 1, route: [step.queue('sales')] },
        { weight: 99, route: [step.busy()] },
      ]),
    ]),
    rule('+12025550105', [
      step.match({ caller: { kind: 'anonymous' } }, [step.reject(433)]),
      step.play('hello.wav'),
    ]),
    rule('+12025550106', [step.play('old.wav')], { until: TUESDAY }),
    rule('+12025550107', [
      step.collect('code', { prompt: { kind: 'file', file: 'code.wav' }, accept: number('4xx') }),
      step.extension('201', { otherwise: [step.extension('201', { otherwise: [step.hangup()] })] }),
    ]),
  ],
  conferences: [
    { name: 'standup', place: place(), max: 50, record: false },
    { name: 'board', place: place(), pin: '1234', hostPin: '9876', max: 5, record: true },
  ],
  extensions: [
    extension('201'),
    extension('202'),
    extension('801', { where: { kind: 'route', route: [step.conference('standup')] } }),
    extension('802', {
      where: {
        kind: 'route',
        route: [
          step.conference('board', {
            ifOutcome: { full: [step.busy()] },
            otherwise: [step.extension('201')],
          }),
          step.play('bye.wav'),
        ],
      },
    }),
    extension('600', {
      where: {
        kind: 'route',
        route: [step.ring(['201', target('202', { delayMs: 10_000 })]), step.voicemail('201')],
      },
    }),
  ],
  devices: [device('201')],
  menus: [
    menu(
      'main',
      { '1': [step.queue('sales')], '2': [step.goto('away')] },
      { otherwise: [step.extension('201')] },
    ),
  ],
  queues: [queue('sales', { maxWaitMs: 60_000 })],
  hours: [weekdays('America/New_York', 510, 1080)],
  routes: { away: [step.play('away.wav')] },
  outbound: [outbound({ to: '+*', via: ['acme', 'backup'] })],
  sites: [
    site('hq', {
      outsideLine: '7',
      emergency: { numbers: ['911'], via: ['acme'], callerId: '+12025550100', notify: [] },
    }),
  ],
});

function run(...tests: PlanTest[]) {
  const withTests: Plan = { ...plan, tests };
  return runPlanTests(withTests);
}

function passes(t: Test, name: string, sketch: Sketch): void {
  const [result] = run(testOf(name, sketch));
  t.same(result?.failures, [], `${name}: ${result?.got.join(' → ') ?? ''}`);
}

t.test('tests drive the machine in virtual time and stop where input or a person is needed', (t) => {
  passes(t, 'sales from the menu', { at: TUESDAY, press: ['1'], expect: { end: picture('queue', 'sales') } });
  passes(t, 'the menu is where a call without input stops', {
    at: TUESDAY,
    expect: { end: picture('menu', 'main') },
  });
  passes(t, 'who says nothing reaches a person', {
    at: TUESDAY,
    press: ['wait', 'wait', 'wait'],
    expect: {
      path: [picture('menu', 'main', 'no-input'), picture('extension', '201', 'connected')],
      heard: ['main.wav', 'main.wav', 'main.wav'],
    },
  });
  passes(t, 'closed at night', {
    at: Date.parse('2026-11-24T03:00Z'),
    expect: { end: picture('voicemail', 'front-desk') },
  });
  passes(t, 'hours as given need no time', {
    given: { hours: { office: 'closed' } },
    expect: { end: picture('voicemail', 'front-desk'), never: [picture('menu', 'main')] },
  });
  passes(t, 'a route behind goto', {
    at: TUESDAY,
    press: ['2'],
    expect: { heard: ['away.wav'], status: 200 },
  });
  passes(t, 'who hangs up in the menu', {
    at: TUESDAY,
    press: ['hang-up'],
    expect: { end: picture('menu', 'main') },
  });
  t.end();
});

t.test('conference rooms ask for their PIN, and go on behind `*#`', (t) => {
  passes(t, 'a room without a PIN', {
    dial: '801',
    expect: { end: picture('conference', 'standup', 'connected') },
  });
  passes(t, 'the second PIN is right', {
    dial: '802',
    press: ['1111', '9876'],
    expect: { end: picture('conference', 'board', 'connected'), never: [picture('play', 'bye.wav')] },
  });
  passes(t, 'who leaves by key goes on', {
    dial: '802',
    press: ['1234', '*6', '*#'],
    expect: { path: [picture('conference', 'board')], heard: ['bye.wav'], status: 200 },
  });
  passes(t, 'who hangs up does not', {
    dial: '802',
    press: ['1234', 'hang-up'],
    expect: { end: picture('conference', 'board') },
  });
  passes(t, 'three wrong PINs', {
    dial: '802',
    press: ['1', 'wait', '3'],
    expect: { path: [picture('conference', 'board', 'invalid')], end: picture('extension', '201') },
  });
  passes(t, 'nothing at all', {
    dial: '802',
    press: ['wait', 'wait', 'wait'],
    expect: { path: [picture('conference', 'board', 'no-input')] },
  });
  passes(t, 'a full room answers nobody', {
    dial: '802',
    given: { conferences: { board: 'full' } },
    expect: { path: [picture('conference', 'board', 'full')], status: 486 },
  });
  t.end();
});

t.test('legs, queues, trunks, webhooks and splits answer as given', (t) => {
  passes(t, 'nobody at the sales desk', {
    dial: '600',
    given: { legs: { '201': ['busy'], '202': ['no-answer'] } },
    expect: { path: [picture('ring', ['201', '202'], 'no-answer')], end: picture('voicemail', '201') },
  });
  passes(t, 'the second attempt answers', {
    to: '+12025550107',
    press: ['411'],
    given: { legs: { '201': ['busy', 'connected'] } },
    expect: { path: [picture('extension', '201', 'busy'), picture('extension', '201', 'connected')] },
  });
  passes(t, 'a full queue is busy', {
    to: '+12025550101',
    given: { queues: { sales: { outcome: 'full' } } },
    expect: { path: [picture('queue', 'sales', 'full')], end: picture('busy', 'true'), status: 486 },
  });
  passes(t, 'no agents', {
    to: '+12025550101',
    given: { queues: { sales: { agents: 0 } } },
    expect: { path: [picture('queue', 'sales', 'empty')], end: picture('voicemail', 'front-desk') },
  });
  passes(t, 'the survey behind the queue', {
    to: '+12025550101',
    press: ['5'],
    expect: { path: [picture('queue', 'sales', 'connected')], end: picture('survey', 'csat'), status: 200 },
  });
  passes(t, 'the next trunk when one is down', {
    to: '+12025550102',
    given: { trunks: { acme: 'down' } },
    from: '+12125550000',
    expect: { sent: { trunk: 'backup', number: '+4420', callerId: '+12125550000' } },
  });
  passes(t, 'both are down', {
    to: '+12025550102',
    given: { trunks: { acme: 'down', backup: 'down' } },
    expect: { path: [picture('trunk', ['acme', 'backup'], 'unreachable')], status: 603 },
  });
  passes(t, 'a webhook that times out', {
    to: '+12025550103',
    given: { webhooks: { 'https://example.com/': 'timeout' } },
    expect: { end: picture('hangup', 'true') },
  });
  passes(t, 'a webhook that replies with a step', {
    to: '+12025550103',
    given: { webhooks: { 'https://example.com/': { queue: 'sales' } } },
    expect: { end: picture('queue', 'sales') },
  });
  passes(t, 'a webhook without a reply', {
    to: '+12025550103',
    expect: { end: picture('extension', '201') },
  });
  passes(t, 'the first branch', {
    to: '+12025550104',
    given: { split: 1 },
    expect: { end: picture('queue', 'sales') },
  });
  passes(t, 'the second branch', {
    to: '+12025550104',
    given: { split: 2 },
    expect: { end: picture('busy', 'true') },
  });
  passes(t, 'withheld', { to: '+12025550105', from: 'anonymous', expect: { status: 433 } });
  passes(t, 'no caller named is not withheld', {
    to: '+12025550105',
    expect: { end: picture('play', 'hello.wav') },
  });
  passes(t, 'emergency behind the outside line', {
    dial: '7911',
    expect: { sent: { trunk: 'acme', number: '911', callerId: '+12025550100' } },
  });
  passes(t, 'a wrong code, then a right one', {
    to: '+12025550107',
    press: ['511', '411'],
    expect: { heard: ['code.wav', 'code.wav'], end: picture('extension', '201') },
  });
  t.end();
});

t.test('what fails says what came instead, and is an error of the plan', (t) => {
  const results = run(
    testOf('wrong end', { at: TUESDAY, press: ['1'], expect: { end: picture('extension', '201') } }),
    testOf('wrong way', {
      at: TUESDAY,
      expect: { path: [picture('menu', 'main'), picture('hours', 'office')] },
    }),
    testOf('never', { at: TUESDAY, expect: { never: [picture('menu', 'main')] } }),
    testOf('status', { at: TUESDAY, expect: { status: 404 } }),
    testOf('sent', { dial: '911', expect: { sent: { trunk: 'backup', number: '911' } } }),
    testOf('heard', { at: TUESDAY, expect: { heard: ['other.wav'] } }),
    testOf('no time', { expect: { end: picture('menu', 'main') } }),
    testOf('a dated rule', { to: '+12025550106', expect: { end: picture('play', 'old.wav') } }),
  );
  t.ok(results.every((result) => !result.passed));
  t.match(
    results.map((result) => result.failures.join('; ')),
    [
      'expected to end at extension: 201, ended at queue: sales (connected)',
      'expected hours: office on the way',
      'expected never menu: main',
      'expected status 404, got no more input',
      'expected to send 911 over backup, sent 911 over acme as +12025550100',
      'expected to hear "other.wav", heard "main.wav"',
      /the time decides here/,
      /the time decides here/,
    ],
  );
  const [first] = testDiagnostics(results);
  t.match(first, {
    severity: 'error',
    code: 'test-failed',
    message: /test "wrong end" fails/,
    hint: /queue: sales/,
  });
  t.match(results[0]?.trace[0], { kind: 'rule', place: /plan\.yaml:/ });
  t.end();
});
