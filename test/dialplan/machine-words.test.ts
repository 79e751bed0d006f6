import t from 'tap';
import { nearestDid } from '../../src/dialplan/local-presence.js';
import { begin, resume } from '../../src/dialplan/machine-begin.js';
import type { Action, ActionResult } from '../../src/dialplan/machine.js';
import type { Matcher, Plan, Steps, Target } from '../../src/dialplan/plan.js';
import { showPrompt } from '../../src/dialplan/show-prompt.js';
import { formatTrace } from '../../src/dialplan/trace-format.js';
import type { CallFacts } from '../../src/model/index.js';
import {
  buildPlan,
  device,
  extension,
  inside,
  number,
  outbound,
  outside,
  place,
  rule,
  site,
  step,
  target,
  text,
  world,
} from './build-plan.js';

const DID = '+12025550100';

function first(plan: Plan, facts: CallFacts = outside(DID), results: readonly ActionResult[] = []): Action {
  let at = begin(plan, facts, world());
  for (const result of results) at = resume(plan, facts, at.state, result, world());
  return at.action;
}

function lines(plan: Plan, facts: CallFacts = outside(DID)): string {
  return formatTrace(begin(plan, facts, world()).trace).join('\n');
}

const routed = (...route: Steps) => buildPlan({ rules: [rule(DID, route)] });

function spoken(words: string, facts: Partial<CallFacts> = {}, before: Steps = []): string {
  const action = first(routed(...before, step.say(words)), outside(DID, facts));
  return action.kind === 'play' ? showPrompt(action.prompt) : action.kind;
}

t.test('facts and variables are put in once, without controls', (t) => {
  t.equal(spoken('${did} ${dialed} ${caller} ${trunk}'), `${DID} ${DID} +12125550000 acme`);
  t.equal(spoken('<${tenant}${site}${device}${attestation}${diverted-from}${last-outcome}${never}>'), '<>');
  const facts = {
    attestation: 'A',
    divertedFrom: '+1',
    callerName: 'Ann\u0007\u2028 Lee',
    headers: { 'x-a': 'b' },
  } as const;
  t.equal(
    spoken('${attestation}${diverted-from}${caller-name} ${header.X-A}${header.x-b}', facts),
    'A+1Ann Lee b',
  );
  t.equal(spoken('${a}', {}, [step.set({ b: 'x', a: '$${b}' })]), '$x');
  t.equal(
    spoken('${a}', { callerName: '${b}' }, [step.set({ b: 'x' }), step.set({ a: '${caller-name}' })]),
    '${b}',
    'not again',
  );
  t.equal(spoken('${constructor}${__proto__}'), '');
  t.equal(spoken('${row.city}'), '');
  const row = buildPlan({ rules: [rule(DID, [step.say('${row.city}')], { row: { city: 'Washington' } })] });
  t.match(first(row), { prompt: { text: { source: 'Washington' } } });
  t.equal(spoken('${caller-name}', { callerName: 'x'.repeat(100_000) }).length, 2000, 'bounded');
  const failed = buildPlan({ rules: [rule(DID, [step.extension('999'), step.say('${last-outcome}')])] });
  t.match(first(failed), { prompt: { text: { source: 'unknown' } } });
  t.end();
});

t.test('a prompt is in the language of the call', (t) => {
  const prompt = { kind: 'say', text: { en: text('Hello'), de: text('Hallo') } } as const;
  const heard = (language?: string) =>
    first(routed(...(language === undefined ? [] : [step.set({ language })]), step.say('', { prompt })));
  t.match(heard(), { prompt: { text: { source: 'Hello' } } });
  t.match(heard('de'), { prompt: { text: { source: 'Hallo' } } });
  t.match(heard('de-CH'), { prompt: { text: { source: 'Hallo' } } });
  t.match(heard('fr'), { prompt: { text: { source: 'Hello' } } });
  const several = { kind: 'sequence', of: [{ kind: 'file', file: 'a.wav' }, prompt] } as const;
  t.match(first(routed(step.play('', { prompt: several }))), {
    prompt: { of: [{ file: 'a.wav' }, { text: { source: 'Hello' } }] },
  });
  t.end();
});

t.test('a URL keeps its shape whatever a variable holds', (t) => {
  const url = (callerName: string) => {
    const action = first(
      routed(step.webhook('https://example.com/${caller-name}?q=1')),
      outside(DID, { callerName }),
    );
    return action.kind === 'webhook' ? action.url : action.kind;
  };
  t.equal(url('../a?b#c&d'), 'https://example.com/..%2Fa%3Fb%23c%26d?q=1');
  t.equal(url('\r\nHost: evil'), 'https://example.com/Host%3A%20evil?q=1');
  t.equal(url('\ud800half'), 'https://example.com/half?q=1', 'half a surrogate pair');
  t.equal(url('Zoë 🙂'), 'https://example.com/Zo%C3%AB%20%F0%9F%99%82?q=1');
  const body = first(routed(step.set({ a: 'b' }), step.webhook('https://example.com/')));
  t.match(body, { body: { call: 'call-1', did: DID, caller: '+12125550000', variables: { a: 'b' } } });
  t.end();
});

t.test(
  'who is shown: the step, then set, then the outbound rule, then the extension, then the caller',
  (t) => {
    const shown = (
      fields: { step?: string; set?: string; rule?: 'anonymous' | 'keep'; own?: string },
      facts: CallFacts = inside('201', '+12125551234'),
    ) => {
      const callerId =
        fields.step === undefined ? {} : { callerId: { kind: 'number', number: text(fields.step) } as const };
      const plan = buildPlan({
        rules: [
          rule(DID, [
            ...(fields.set === undefined ? [] : [step.set({ 'caller-id': fields.set })]),
            step.ring(['+12125551234'], callerId),
          ]),
        ],
        extensions: [extension('201', fields.own === undefined ? {} : { callerId: fields.own })],
        outbound: [outbound({ to: '+*', via: ['acme'], callerId: { kind: fields.rule ?? 'keep' } })],
      });
      const action = first(plan, facts);
      if (action.kind !== 'connect') return action.kind;
      const identity = action.groups[0]?.legs[0]?.identity ?? action.identity;
      return identity.number ?? identity.mode;
    };
    const ringing = outside(DID);
    t.equal(shown({}, ringing), 'keep');
    t.equal(shown({ rule: 'anonymous' }, ringing), 'anonymous');
    t.equal(shown({ rule: 'anonymous', set: '+12' }, ringing), '+12');
    t.equal(shown({ rule: 'anonymous', set: '+12', step: '+13' }, ringing), '+13');
    t.equal(shown({ set: 'anonymous' }, ringing), 'anonymous');
    t.equal(shown({ set: 'nonsense' }, ringing), 'keep', 'no number: as it is');
    t.equal(shown({ step: '${caller}' }, ringing), '+12125550000');
    t.equal(shown({ own: '+1 (202) 555-0201' }), '+12025550201', 'an extension on its way outside');
    t.equal(shown({ own: '+12025550201', rule: 'anonymous' }), 'anonymous');
    t.equal(shown({}), 'keep');
    t.end();
  },
);

t.test('local presence shows our number nearest to the one called', (t) => {
  const plan = buildPlan({
    rules: [
      rule('+12025550100', []),
      rule('+14155550100..+14155550199', []),
      rule('+442071234567', [], { tenant: 'acme' }),
      rule('+4930*', []),
    ],
  });
  t.equal(nearestDid(plan, '+12029999999', undefined), '+12025550100');
  t.equal(nearestDid(plan, '+14155559999', undefined), '+14155550199');
  t.equal(nearestDid(plan, '+14', undefined), '+14155550100');
  t.equal(nearestDid(plan, '+442071111111', 'acme'), '+442071234567');
  t.not(nearestDid(plan, '+442071111111', undefined), '+442071234567', 'another tenant keeps its numbers');
  t.equal(nearestDid(buildPlan({}), '+1', undefined), undefined);
  t.end();
});

t.test('targets: devices, trunks, rotas and numbers', (t) => {
  const who = (one: Target['who']): Target => ({ ...target('201'), who: one });
  const rota = {
    name: 'duty',
    place: place(),
    timezone: 'UTC',
    starts: 86_400_000,
    everyMs: 86_400_000,
    people: ['202', '+12125551234'],
    swaps: [],
  };
  const ring = (one: Target['who'], facts = outside(DID)) =>
    first(
      buildPlan({
        rules: [rule(DID, [step.ring([who(one)])])],
        extensions: [
          extension('201'),
          extension('202'),
          extension('600', { where: { kind: 'route', route: [] } }),
        ],
        devices: [device('201-mobile', { extension: '201' })],
        outbound: [outbound({ to: '+1*', via: ['acme'] }), outbound({ to: '+49*', route: [step.busy()] })],
        plan: { rotas: new Map([['duty', rota]]) },
      }),
      facts,
    );
  const leg = (expected: object) => ({ groups: [{ legs: [expected] }] });
  t.match(
    ring({ kind: 'device', name: '201-mobile' }),
    leg({ label: '201-mobile', to: { device: '201-mobile', extension: '201' } }),
  );
  t.match(ring({ kind: 'trunk', name: 'hq-pbx' }), leg({ to: { trunks: ['hq-pbx'], number: DID } }));
  t.match(ring({ kind: 'trunk', name: 'hq-pbx', number: text('77') }), leg({ to: { number: '77' } }));
  t.match(ring({ kind: 'rota', name: 'duty' }), leg({ label: '202' }), 'an odd day since 1970');
  for (const [one, why] of [
    [{ kind: 'device', name: 'none' }, 'no such device'],
    [{ kind: 'rota', name: 'none' }, 'no such rota'],
    [{ kind: 'number', number: text('${x}') }, 'no number'],
    [{ kind: 'number', number: text('+4930') }, 'a rule with a route'],
    [{ kind: 'number', number: text('+33') }, 'no outbound rule'],
    [{ kind: 'extension', name: '600' }, 'an extension with a route'],
  ] as const) {
    t.match(ring(one), { kind: 'end', status: 480 }, why);
  }
  t.end();
});

t.test('a tenant has its own extensions and outbound rules, and shares what is shared', (t) => {
  const plan = buildPlan({
    rules: [rule(DID, [step.dnis(3)], { tenant: 'acme' }), rule('+12025550201', [step.dnis(3)])],
    extensions: [
      extension('acme/100', { tenant: 'acme' }),
      extension('100', { where: { kind: 'trunk', trunk: 'shared-pbx' } }),
      extension('201', { where: { kind: 'trunk', trunk: 'shared-pbx' } }),
    ],
    outbound: [
      outbound({ to: '+*', via: ['shared'] }),
      outbound({ to: '+1*', via: ['acme-only'], tenant: 'acme' }),
    ],
    sites: [
      site('acme/hq', { outsideLine: '9', emergency: { numbers: ['112'], via: ['acme-only'], notify: [] } }),
      site('main', { emergency: { numbers: ['911'], via: ['shared'], notify: [] } }),
    ],
  });
  t.match(first(plan, outside(DID)), { groups: [{ legs: [{ label: 'acme/100' }] }] });
  t.match(first(plan, outside('+12025550201')), { groups: [{ legs: [{ label: '201' }] }] });
  const dial = (digits: string, tenant?: string) =>
    first(plan, inside('acme/100', digits, tenant === undefined ? {} : { tenant }));
  t.match(dial('100', 'acme'), { groups: [{ legs: [{ label: 'acme/100' }] }] });
  t.match(dial('100'), { groups: [{ legs: [{ label: '100' }] }] });
  t.match(dial('201', 'acme'), { groups: [{ legs: [{ label: '201' }] }] });
  t.match(dial('9112', 'acme'), { groups: [{ legs: [{ emergency: true, to: { number: '112' } }] }] });
  t.match(dial('+12125551234', 'acme'), { groups: [{ legs: [{ to: { trunks: ['acme-only'] } }] }] });
  t.match(dial('+12125551234'), { groups: [{ legs: [{ to: { trunks: ['shared'] } }] }] });
  t.end();
});

t.test('emergency calls are placed whatever site is known, as the site or the extension is shown', (t) => {
  const emergency = { numbers: ['911', '112'], via: ['acme', 'backup'], notify: [] };
  const plan = buildPlan({
    extensions: [extension('201', { callerId: '+12025550201' }), extension('202'), extension('112')],
    devices: [device('202', { site: 'lab' })],
    sites: [
      site('hq', { outsideLine: '7', emergency }),
      site('lab', { emergency: { ...emergency, callerId: '+12025550300' } }),
    ],
    outbound: [outbound({ to: '+*', via: ['other'], callerId: { kind: 'anonymous' } })],
  });
  const dial = (from: string, digits: string) => first(plan, inside(from, digits));
  t.match(dial('201', '7112'), {
    identity: { number: '+12025550201' },
    groups: [{ forMs: 180_000, legs: [{ to: { number: '112' } }] }],
  });
  t.match(dial('202', '911'), { identity: { number: '+12025550300' } }, 'the site of the device');
  t.match(dial('202', '7911'), { kind: 'end', status: 404 }, 'the lab has no outside line');
  const failed = first(plan, inside('201', '911'), [{ kind: 'failed', outcome: 'unreachable' }]);
  t.match(failed, { kind: 'end', status: 480 });
  t.end();
});

t.test('the trace says in words what was decided', (t) => {
  const list: Matcher = {
    kind: 'any',
    of: [{ kind: 'list', name: 'vip' }, number('+49*'), { kind: 'anonymous' }],
  };
  const plan = buildPlan({
    rules: [
      rule('+1202*', []),
      rule(DID, [
        step.match({ caller: list }, [step.busy()]),
        step.split([
          { weight: 1, route: [] },
          { weight: 3, route: [step.reject(480, { name: 'Later' })] },
        ]),
      ]),
      rule(DID, [], { name: 'Nuisance', from: number('+49*') }),
    ],
  });
  const told = lines(plan);
  t.match(told, /^rule \+12025550100 \(plan\.yaml:\d+:1\): exact \+12025550100 fits \+12025550100$/m);
  t.match(told, /^ {2}not \+1202\* \(.*\): \+1202\* fits, but exact goes before prefix$/m);
  t.match(told, /^ {2}not Nuisance \(.*\): \+12025550100 fits, but the caller is not from \+49\*$/m);
  t.match(told, /^match: caller .*: caller \+12125550000 is not list vip, \+49\*, anonymous$/m);
  t.match(told, /^split: call .*: drew 0\.500: branch 2 of 2 \(weight 3 of 4\)$/m);
  t.match(told, /^reject: 480 .*: “Later”$/m);
  t.match(told, /^ {2}the call ends: rejected with 480$/m);
  t.match(lines(plan, outside('+12015550100')), /^no rule fits \+12015550100/);
  const border = {
    check: 'caller',
    verdict: { kind: 'refuse', status: 603, code: 'caller-blocked', reason: 'x', observed: true },
  } as const;
  t.same(
    formatTrace([
      { kind: 'border', finding: border },
      { kind: 'border', finding: { check: 'rate', verdict: { kind: 'admit' } } },
      { kind: 'trunk', trunk: 'acme', why: '198.51.100.1 is its' },
      { kind: 'attempt', target: '201', result: 'busy' },
    ]),
    [
      'border caller: refused (only observed), caller-blocked: x',
      'border rate: passed',
      'trunk acme: 198.51.100.1 is its',
      '  201: busy',
    ],
  );
  t.end();
});

t.test('the webhook’s reply runs as a nested list, and survives JSON', (t) => {
  const plan = buildPlan({
    rules: [rule(DID, [step.webhook('https://example.com/'), step.busy()])],
    extensions: [extension('201')],
  });
  const reply = {
    kind: 'done',
    reply: [{ set: { a: 'b' } }, { extension: '201' }, { say: 'Hi ${a}' }],
  } as const;
  const facts = outside(DID);
  const asked = begin(plan, facts, world());
  const connected = resume(plan, facts, asked.state, reply, world());
  t.equal(connected.action.kind, 'connect');
  const revived = JSON.parse(JSON.stringify(connected.state)) as typeof connected.state;
  const said = resume(plan, facts, revived, { kind: 'failed', outcome: 'busy' }, world());
  t.match(said.action, { kind: 'play', prompt: { text: { source: 'Hi b' } } });
  t.match(
    resume(plan, facts, said.state, { kind: 'done' }, world()).action,
    { tone: 'busy' },
    'and goes on behind it',
  );
  for (const bad of [[{ extension: '999' }], [{ hangup: true }, { nonsense: 1 }], 'x', 7, [[[[]]]]]) {
    t.match(resume(plan, facts, asked.state, { kind: 'done', reply: bad }, world()).trace[0], {
      text: /not a list of steps/,
    });
  }
  t.end();
});
