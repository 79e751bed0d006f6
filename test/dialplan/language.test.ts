import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { dialplanSchema, loadDialplan, runPlanTests } from '../../src/dialplan/index.js';
import {
  matchRule,
  nameOfRule,
  nearestNumber,
  traceOfMatch,
  type RuleFacts,
} from '../../src/dialplan/match-rule.js';
import type { Step } from '../../src/dialplan/plan.js';
import { readSteps } from '../../src/dialplan/read-steps.js';
import { codes, found, load, TRUNKS, WORLD } from './language-helpers.js';

const FIXTURES = new URL('fixtures/', import.meta.url).pathname;

/** The steps of a route written after WORLD. */
function route(steps: string): readonly Step[] {
  const { plan, diagnostics } = load(`${WORLD}routes:\n  r: ${steps}\n`);
  t.same(
    diagnostics.filter(({ severity }) => severity === 'error'),
    [],
    steps,
  );
  return plan?.routes.get('r') ?? [];
}

/** Findings of a route written after WORLD; the step begins at 11:6. */
function wrong(steps: string): string[] {
  return found(`${WORLD}routes:\n  r: ${steps}\n`);
}

t.test('the example loads with no error, warns of its clear PINs alone, and its tests pass', async (t) => {
  const { plan, diagnostics } = await loadDialplan({
    folder: FIXTURES,
    env: () => undefined,
    trunkNames: TRUNKS,
  });
  t.same(
    diagnostics.map(
      ({ severity, code, place }) => `${severity} ${code} ${place.file}:${place.line}:${place.column}`,
    ),
    ['warning secret-in-clear extensions.yaml:9:22', 'warning secret-in-clear extensions.yaml:10:17'],
  );
  t.ok(plan);
  if (plan === undefined) return;
  for (const result of runPlanTests(plan))
    t.ok(result.passed, `${result.test.name}: ${result.failures.join('; ')}`);
  t.equal(plan.tests.length, 6);
  t.same(
    plan.files.map(({ path }) => path),
    ['extensions.yaml', 'main.yaml', 'tests.yaml', 'dids.csv'],
  );
  t.match(plan.hash, /^[0-9a-f]{64}$/);
  t.equal(plan.numbers.size, plan.rules.length);
  const billing = plan.rules.find(({ name }) => name === 'Billing')!;
  t.match(billing, {
    place: { file: 'dids.csv', line: 2, column: 1 },
    row: { city: 'Washington' },
    route: [{ verb: 'queue', queue: 'sales' }],
  });
  t.match(plan.extensions.get('100'), {
    where: { kind: 'trunk', trunk: 'hq-pbx' },
    otherwise: [{ verb: 'voicemail', mailbox: 'front-desk' }],
  });
  t.match(plan.extensionBlocks, [{ name: { lo: '203', hi: '299' } }]);
  t.match(plan.devices.get('201'), { extension: '201', password: 'change-me-201', hotDesk: false });
});

t.test('prompt files that are not there are named where they are used', async (t) => {
  const { diagnostics } = await loadDialplan({
    folder: FIXTURES,
    env: (name) => ({ EXT_201_PASSWORD: 'x' })[name],
    trunkNames: TRUNKS,
    promptExists: (file) => file !== 'holiday.wav' && file !== 'hold.wav',
    prefix: 'dialplans/',
  });
  t.match(
    diagnostics
      .filter(({ code }) => code === 'missing-prompt')
      .map(({ place }) => `${place.file}:${place.line}:${place.column}`),
    ['dialplans/main.yaml:8:24', 'dialplans/main.yaml:53:3'].map((place) => place.split(':')[0]),
  );
});

t.test('every step takes its short and its long form, with its defaults', (t) => {
  t.match(route('{ extension: "100" }'), [
    {
      verb: 'extension',
      extension: { kind: 'name', name: '100' },
      callerId: { kind: 'keep' },
      forwards: true,
      ifOutcome: {},
    },
  ]);
  t.match(route('{ extension: { dnis: 3 }, for: 9s, forwards: false }'), [
    { extension: { kind: 'dnis', digits: 3, prefix: '' }, forMs: 9000, forwards: false },
  ]);
  t.match(route('{ extension: { dnis: rest, prefix: 3 } }'), [
    { extension: { digits: 'rest', prefix: '3' } },
  ]);
  t.match(route('{ ring: "201" }'), [
    {
      verb: 'ring',
      how: 'all',
      forMs: 20_000,
      rounds: 1,
      decline: 'skip',
      music: 'ringback',
      targets: [{ who: { kind: 'extension', name: '201' }, confirm: false, delayMs: 0 }],
    },
  ]);
  t.match(
    route(
      '{ ring: ["305", "+1 (202) 555-0100", { number: "${n}", confirm: true, delay: 5s, for: 7s }, { trunk: acme, number: "+1" }, { device: "201" }], how: in-order, if-busy: busy, after: { survey: csat }, caller-name: "Shop ${caller}" }'.replace(
        '${n}',
        '${did}',
      ),
    ),
    [
      {
        targets: [
          { who: { name: '305' } },
          { who: { kind: 'number', number: { parts: ['+12025550100'] } } },
          {
            who: { kind: 'number', number: { parts: [{ variable: 'did' }] } },
            confirm: true,
            delayMs: 5000,
            forMs: 7000,
          },
          { who: { kind: 'trunk', name: 'acme', number: { parts: ['+1'] } } },
          { who: { kind: 'device', name: '201' } },
        ],
        how: 'in-order',
        ifOutcome: { busy: [{ verb: 'busy' }] },
        after: [{ verb: 'survey', survey: 'csat' }],
        callerName: { parts: ['Shop ', { variable: 'caller' }] },
      },
    ],
  );
  t.match(route('{ trunk: acme }'), [
    {
      verb: 'trunk',
      trunks: ['acme'],
      number: { parts: [{ variable: 'did' }] },
      headers: [],
      forMs: 60_000,
      fax: false,
    },
  ]);
  t.match(
    route(
      '{ trunk: [acme, hq-pbx], number: "+41440000000", caller-id: anonymous, headers: { X-A: "b" }, fax: true }',
    ),
    [
      {
        trunks: ['acme', 'hq-pbx'],
        callerId: { kind: 'anonymous' },
        headers: [['X-A', { parts: ['b'] }]],
        fax: true,
      },
    ],
  );
  t.match(route('{ queue: sales, priority: 5, skills: { german: 3 }, max-wait: 1m, if-full: hangup }'), [
    {
      verb: 'queue',
      queue: 'sales',
      priority: 5,
      skills: { german: 3 },
      maxWaitMs: 60_000,
      ifOutcome: { full: [{ verb: 'hangup' }] },
    },
  ]);
  t.match(route('[{ menu: main, otherwise: { extension: "100" } }]'), [
    { verb: 'menu', menu: 'main', otherwise: [{ verb: 'extension' }] },
  ]);
  t.match(route('{ voicemail: front-desk, greeting: { say: Hello } }'), [
    { mailbox: 'front-desk', maxMs: 180_000, greeting: { kind: 'say' } },
  ]);
  t.match(
    route('{ play: [a.wav, { file: b.mp3 }, { say: { en: Hi, de-CH: Hoi } }], times: 2, early: true }'),
    [
      {
        prompt: {
          kind: 'sequence',
          of: [
            { file: 'a.wav' },
            { file: 'b.mp3' },
            { text: { en: { parts: ['Hi'] }, 'de-CH': { parts: ['Hoi'] } } },
          ],
        },
        times: 2,
        early: true,
      },
    ],
  );
  t.match(route('{ say: "You are ${caller}, $$5" }'), [
    { prompt: { kind: 'say', text: { parts: ['You are ', { variable: 'caller' }, ', $5'] } } },
  ]);
  t.match(route('{ collect: account }'), [
    {
      variable: 'account',
      minDigits: 1,
      maxDigits: 32,
      end: '#',
      timeoutMs: 5000,
      digitTimeoutMs: 3000,
      attempts: 3,
      secret: false,
    },
  ]);
  t.match(route('{ collect: pin, digits: 4..6, end: "", accept: ["1*", "[2-9]xxx"], secret: true }'), [
    { minDigits: 4, maxDigits: 6, end: '', accept: { kind: 'any' }, secret: true },
  ]);
  t.match(route('{ record: message, to: front-desk, max: 1m }'), [
    { what: 'message', to: 'front-desk', maxMs: 60_000, silenceMs: 5000, end: '#' },
  ]);
  t.match(route('{ record: start, notice: a.wav }'), [{ what: 'start', notice: { file: 'a.wav' } }]);
  t.match(route('{ hours: office, closed: { hangup: true } }'), [
    { hours: 'office', closed: [{ verb: 'hangup' }], open: undefined },
  ]);
  t.match(
    route(
      '{ match: { caller: ["+1202*", anonymous], trunk: acme, header.X-Plan: gold, attestation: [A, B] }, then: busy }',
    ),
    [
      {
        facts: [
          ['caller', { kind: 'any', of: [{ kind: 'number' }, { kind: 'anonymous' }] }],
          ['trunk', { kind: 'text', text: 'acme' }],
          ['header.X-Plan', { kind: 'text', text: 'gold' }],
          ['attestation', { kind: 'any' }],
        ],
        then: [{ verb: 'busy' }],
      },
    ],
  );
  t.match(
    route('{ split: [{ weight: 9, route: { extension: "100" } }, { weight: 1, route: busy }], by: caller }'),
    [{ branches: [{ weight: 9 }, { weight: 1, route: [{ verb: 'busy' }] }], by: 'caller' }],
  );
  t.match(route('{ set: { vip: "yes", header.X-Vip: "${caller}", caller-id: "+1", language: de } }'), [
    {
      values: [
        ['vip', { parts: ['yes'] }],
        ['header.X-Vip', {}],
        ['caller-id', {}],
        ['language', {}],
      ],
    },
  ]);
  t.match(route('{ webhook: "https://x.example/a?n=${caller}", secret: s, if-timeout: busy }'), [
    { timeoutMs: 3000, secret: 's', ifOutcome: { timeout: [{ verb: 'busy' }] } },
  ]);
  t.match(route('[{ wait: 2s }, { goto: r }]'), [{ ms: 2000 }, { route: 'r' }]);
  t.match(route('{ reject: 603, reason: Not now, name: "no thanks" }'), [
    { status: 603, reason: 'Not now', name: 'no thanks' },
  ]);
  t.match(route('busy'), [{ verb: 'busy' }]);
  t.match(route('[{ say: Bye }, hangup]'), [{ verb: 'say' }, { verb: 'hangup' }]);
  t.same(route('[]'), []);
  t.end();
});

t.test('what is wrong with a step is told at its place, with what to do', (t) => {
  t.same(wrong('{ menue: main }'), ['11:8 no-verb | did you mean "menu"?']);
  t.same(wrong('{ play: a.wav, say: Hi }'), ['11:21 two-verbs | make it a list of steps']);
  t.same(wrong('{ queue: sales, fro: 3 }'), [
    '11:22 unknown-key | fields of queue: priority, skills, max-wait, name, otherwise, if-full, if-empty, if-timeout, after, caller-name',
  ]);
  t.same(wrong('{ queue: sales, max-wiat: 3s }'), ['11:22 unknown-key | did you mean "max-wait"?']);
  t.same(wrong('{ queue: sales, if-busy: busy }'), ['11:22 unknown-key']);
  t.same(wrong('{ play: a.wav, otherwise: busy }'), ['11:21 unknown-key']);
  t.same(wrong('{ play: a.wav, after: busy }').length, 1);
  t.same(wrong('menu'), ['11:6 unexpected | only busy and hangup can stand alone; write { menu: … }']);
  t.match(wrong('hangpu'), ['11:6 unexpected | did you mean "hangup"?']);
  t.same(codes(`${WORLD}routes:\n  r: *97\n`), ['11:6 alias']);
  t.match(wrong('{ extension: "101" }'), [/^11:19 unknown-extension \| did you mean "[12]0[01]"\?$/]);
  t.same(wrong('{ menu: mian }'), ['11:14 unknown-menu | did you mean "main"?']);
  t.same(wrong('{ queue: sale }'), ['11:15 unknown-queue | did you mean "sales"?']);
  t.same(wrong('{ trunk: acmee }'), ['11:15 unknown-trunk | did you mean "acme"?']);
  t.same(wrong('{ hours: offfice, open: busy }'), ['11:15 unknown-hours | did you mean "office"?']);
  t.same(wrong('{ goto: rr }'), ['11:14 unknown-route | did you mean "r"?']);
  t.same(wrong('{ conference: standup }'), ['11:20 unknown-conference | define it under conferences:']);
  t.same(wrong('{ survey: cast }'), ['11:16 unknown-survey | did you mean "csat"?']);
  t.same(wrong('{ voicemail: nobody }'), [
    '11:19 unknown-mailbox | define it under mailboxes:; known: front-desk, 201',
  ]);
  t.same(wrong('{ match: { caller: { list: vip } }, then: busy }'), [
    '11:33 unknown-list | define it under lists:',
  ]);
  t.same(wrong('{ ring: { rota: duty } }'), ['11:22 unknown-rota | define it under rotas:']);
  t.same(wrong('{ ring: { device: d } }'), ['11:24 unknown-device | define it under devices:; known: 201']);
  t.same(wrong('{ hours: office }'), ['11:6 missing-key']);
  t.same(wrong('{ match: { caller: "+1*" } }'), ['11:6 missing-key']);
  t.same(wrong('{ match: { Caller: "+1*" }, then: busy }'), ['11:17 unknown-fact | did you mean "caller"?']);
  t.same(wrong('{ match: {}, then: busy }'), ['11:15 too-few']);
  t.same(wrong('{ match: { attestation: D }, then: busy }'), ['11:30 unexpected']);
  t.same(wrong('{ match: { caller: "12..345" }, then: busy }').length, 1);
  t.same(wrong('{ collect: caller }'), ['11:17 read-only']);
  t.same(wrong('{ collect: My-Pin }'), ['11:17 bad-name']);
  t.same(wrong('{ collect: a, digits: 0..4 }'), ['11:28 unexpected']);
  t.same(wrong('{ set: { did: "1" } }'), ['11:15 read-only']);
  t.same(wrong('{ set: { header.Via: "1" } }'), ['11:15 bad-name']);
  t.same(wrong('{ trunk: acme, headers: { Contact: x } }'), ['11:32 own-header']);
  t.same(wrong('{ webhook: "ftp://x" }'), ['11:17 unexpected']);
  t.same(wrong('{ wait: 5 }'), ['11:14 unexpected']);
  t.same(wrong('{ reject: 200 }'), ['11:16 unexpected']);
  t.same(wrong('{ reject: abc }'), ['11:16 unexpected']);
  t.same(wrong('{ busy: yes }'), ['11:14 unexpected']);
  t.same(wrong('{ record: pause, prompt: a.wav }'), ['11:6 unknown-key']);
  t.same(wrong('{ record: start, otherwise: busy }'), ['11:6 unknown-key']);
  t.same(wrong('{ split: [{ weight: 0, route: busy }] }'), ['11:6 unexpected']);
  t.same(wrong('{ split: [{ weight: 1 }] }'), ['11:16 missing-key']);
  t.same(wrong('{ ring: [] }'), ['11:14 too-few']);
  t.same(wrong('{ ring: { extension: "100", device: "201" } }'), ['11:14 unexpected']);
  t.same(wrong('{ play: welcome }'), ['11:14 unexpected | to have it spoken, write { say: "welcome" }']);
  t.same(wrong('{ play: ../a.wav }'), ['11:14 bad-path']);
  t.same(wrong('{ say: { english-text: Hi } }').length, 1);
  t.same(wrong('{ say: Hi, press 1 }'), [
    '11:17 no-value | quote a text that holds a comma, as in { say: "Hi, press 1" }',
  ]);
  t.same(wrong('{ menu: "${caller}" }'), [
    '11:14 variable-here | variables may stand in text, number, header and URL fields',
  ]);
  t.same(wrong('{ extension: { dnis: 0 } }'), ['11:27 unexpected']);
  t.same(wrong('{ trunk: acme, number: abc }'), ['11:29 unexpected']);
  t.same(wrong('{ trunk: acme, caller-id: me }'), ['11:32 unexpected']);
  t.same(wrong('{ queue: sales, skills: { german: 11 } }'), ['11:40 unexpected']);
  t.same(codes(`${WORLD}routes:\n  r:\n    - dial: #9\n`), ['12:7 no-verb']);
  t.end();
});

t.test('definitions are read with their defaults', (t) => {
  const { plan, diagnostics } = load(`timezone: America/New_York
numbers:
  - { did: ["+12025550100", "+12025550200..+12025550299"], since: 2026-12-01, until: "2026-12-31", priority: 2, from: { trunk: acme }, route: busy }
extensions:
  "201": { name: Ann, devices: [desk], mailbox: a, caller-id: "+1 202 555 0100", forward: { busy: "202", no-answer: "+41791234567" }, site: hq, for: 9s }
  "202": { password: "\${P:-x}", forward: "201" }
devices:
  desk: { password: "\${P:-x}", extension: "201", site: hq, hot-desk: true }
  cordless: { password: "\${P:-x}", extension: "201" }
mailboxes: { a: }
sites: { hq: { country: US, area-code: 202, outside-line: 9, emergency: { numbers: 911, via: acme } } }
outbound:
  - { dial: ["*97", "0xx"], strip: 1, prefix: "+41", via: acme, from: "20x" }
  - { to: "+1900*", route: { reject: 603 } }
menus: { m: { prompt: a.wav, keys: { 1: { extension: 201 }, "*": { goto: r } } } }
queues: { q: { agents: [201, { extension: 202, tier: 2 }], announce: { position: true }, callback: {} } }
routes: { r: { extension: "201" } }
lists: { l: ["+1900*", anonymous, { list: k }], k: "+41*" }
calendars:
  c: { "12-25": Christmas, easter+1: Easter Monday, "2026-11-26": Thanksgiving, "12-31..01-02": "" }
  d: ["01-01", easter, "2026-05-01..2026-05-03"]
hours:
  h: { open: { mon-thu: ["08:00-12:00", "13:00-17:00"], fri: "22:00-06:00", "sat,sun": closed }, special: { "12-24..12-25": "08:00-24:00", "2026-01-02": closed }, holidays: c }
rotas: { d: { starts: "2026-01-05 09:00", every: 7d, people: ["201", "+41791234567"], swaps: [{ from: 2026-02-01, to: 2026-02-02, who: 202 }] } }
surveys: { s: { ask: a.wav, digits: 2, accept: "[1-5]x" } }
conferences: { standup: {}, board: { pin: "\${X:-1234}", host-pin: "\${X:-9876}", max: 5, record: true } }
`);
  t.same(
    diagnostics.filter(({ code }) => code !== 'unreachable-rule'),
    [],
  );
  t.ok(plan);
  if (plan === undefined) {
    t.end();
    return;
  }
  t.match(plan.rules[0], {
    patterns: [{ kind: 'exact' }, { kind: 'range' }],
    since: Date.parse('2026-12-01T05:00Z'),
    until: Date.parse('2027-01-01T05:00Z'),
    priority: 2,
    from: { kind: 'text', text: 'acme' },
  });
  t.match(plan.extensions.get('201'), {
    displayName: 'Ann',
    where: { kind: 'devices', devices: ['desk', 'cordless'] },
    callerId: '+12025550100',
    forward: { busy: { who: { name: '202' } }, noAnswer: { who: { kind: 'number' } } },
    forMs: 9000,
    otherwise: [{ verb: 'voicemail', mailbox: 'a' }],
  });
  t.match(plan.extensions.get('202'), { forMs: 20_000, forward: { always: { who: { name: '201' } } } });
  t.match(plan.devices.get('desk'), { site: 'hq', hotDesk: true });
  t.match(plan.sites.get('hq'), {
    areaCode: '202',
    outsideLine: '9',
    emergency: { numbers: ['911'], via: ['acme'], notify: [] },
  });
  t.match(plan.outbound, [
    { dial: { number: '*97' }, strip: 1, prefix: '+41' },
    { dial: { kind: 'pattern' } },
    { to: {}, route: [{ status: 603 }] },
  ]);
  t.match(plan.menus.get('m'), {
    timeoutMs: 5000,
    attempts: 3,
    digitTimeoutMs: 2000,
    bargeIn: true,
    dialExtension: false,
  });
  t.match(plan.queues.get('q'), {
    strategy: 'longest-idle',
    agents: [{ extension: '201', tier: 1, penalty: 0 }, { tier: 2 }],
    announce: { position: true, wait: false, everyMs: 60_000 },
    callback: { afterMs: 60_000, key: '1' },
    ringForMs: 15_000,
    wrapUpMs: 0,
    serviceLevelMs: 20_000,
  });
  t.match(plan.calendars.get('c')?.days, [
    { date: { kind: 'yearly', month: 12, day: 25 }, label: 'Christmas' },
    { date: { kind: 'easter', offsetDays: 1 } },
    { date: { kind: 'dated', year: 2026 } },
    { date: { kind: 'yearly-span', from: [12, 31], to: [1, 2] }, label: '12-31..01-02' },
  ]);
  t.match(plan.calendars.get('d')?.days[2], {
    date: { kind: 'dated-span', from: '2026-05-01', to: '2026-05-03' },
  });
  const hours = plan.hours.get('h');
  t.same(hours?.week[0], [
    { from: 480, to: 720 },
    { from: 780, to: 1020 },
  ]);
  t.same(hours?.week[4], [{ from: 1320, to: 1800 }]);
  t.same(hours?.week[5], []);
  t.same(
    [...(hours?.special ?? [])],
    [
      ['12-24', [{ from: 480, to: 1440 }]],
      ['12-25', [{ from: 480, to: 1440 }]],
      ['2026-01-02', []],
    ],
  );
  t.match(plan.rotas.get('d'), {
    timezone: 'America/New_York',
    starts: Date.parse('2026-01-05T14:00Z'),
    everyMs: 604_800_000,
    people: ['201', '+41791234567'],
    swaps: [{ from: Date.parse('2026-02-01T05:00Z'), to: Date.parse('2026-02-03T05:00Z'), who: '202' }],
  });
  t.match(plan.conferences.get('standup'), { max: 50, record: false, pin: undefined });
  t.match(plan.conferences.get('board'), { max: 5, record: true, pin: '1234', hostPin: '9876' });
  t.match(plan.surveys.get('s'), { digits: 2, accept: { kind: 'number' } });
  t.end();
});

t.test('what is wrong with a definition is told at its place', (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['nubmers: []\n', ['1:1 unknown-key | did you mean "numbers"?']],
    ['- a\n', ['1:1 unexpected']],
    ['numbers: { did: "+1" }\n', ['1:10 unexpected']],
    [
      'numbers:\n  - { did: "+1202", rotue: busy }\n',
      ['2:5 missing-key', '2:21 unknown-key | did you mean "route"?'].slice(1),
    ],
    ['numbers:\n  - { did: "+1202" }\n', ['2:5 missing-key']],
    ['numbers:\n  - { route: busy }\n', ['2:5 missing-key']],
    ['numbers:\n  - { did: "+1x2y", route: busy }\n', ['2:12 bad-pattern']],
    ['numbers:\n  - { did: "+1202-+1203", route: busy }\n', ['2:12 bad-pattern']],
    ['numbers:\n  - { did: "+15..+1300", route: busy }\n', ['2:12 bad-pattern']],
    [
      'numbers:\n  - { did: "4.93E+11", route: busy }\n',
      ['2:12 bad-pattern | a spreadsheet turned the number into 4.93E+11; write it as text'],
    ],
    ['numbers:\n  - { did: "+1202", since: soon, route: busy }\n', ['2:28 unexpected']],
    [
      'numbers:\n  - { did: "+1202", since: 2026-01-01, route: busy }\n',
      [
        '2:28 no-timezone | write the zone behind it, as in "2026-12-25 10:00 America/New_York", or give the file a timezone:',
      ],
    ],
    [
      'timezone: UTC\nnumbers:\n  - { did: "+1202", since: 2026-02-01, until: 2026-01-01, route: busy }\n',
      ['3:5 never-in-force'],
    ],
    ['numbers:\n  - { did: "+1202", since: 2026-02-30 UTC, route: busy }\n', ['2:28 unexpected']],
    ['timezone: Mars/Olympus\n', ['1:11 unexpected']],
    ['tenant: "a b"\n', ['1:9 bad-name']],
    ['extensions: { "201": {} }\n', ['1:15 nowhere']],
    ['extensions: { "+41": { trunk: acme } }\n', ['1:15 bad-name | outside numbers belong under numbers:']],
    ['extensions: { "20..1": { trunk: acme } }\n', ['1:15 bad-block']],
    [
      'extensions: { "20..29": { password: "${X:-p}" } }\n',
      ['1:15 block-registers | write each extension, or say trunk: or route: for the block'],
    ],
    ['extensions: { "201": { password: "${X:-p}", trunk: acme } }\n', ['1:15 two-places']],
    ['extensions: { "20..29": { trunk: acme }, "25..34": { trunk: acme } }\n', ['1:42 tie']],
    [
      'extensions: { "201": { trunk: acme, forward: { buzy: "201" } } }\n',
      ['1:48 unknown-key | did you mean "busy"?'],
    ],
    [
      'devices: { d: { password: "${X:-p}", extension: "9" } }\n',
      ['1:49 unknown-extension | define it under extensions:'],
    ],
    ['mailboxes: { a: { pin: "12" } }\n', ['1:24 unexpected']],
    ['conferences: { a: { pin: "12" } }\n', ['1:26 unexpected']],
    ['conferences: { a: { max: 1 } }\n', ['1:26 unexpected']],
    [
      'conferences: { a: { host-pin: "${X:-123}" } }\n',
      ['1:16 missing-key | without pin: nobody is asked for one'],
    ],
    ['conferences: { a: { pin: "${X:-123}", host-pin: "${X:-123}" } }\n', ['1:16 same-pin']],
    ['sites: { hq: { country: USA } }\n', ['1:25 unexpected']],
    [
      'sites: { hq: { emergency: { numbers: [], via: acme } } }\n',
      ['1:38 too-few | '].map((line) => line.slice(0, 12)),
    ],
    ['outbound:\n  - { to: "+*", dial: "9", via: acme }\n', ['2:5 missing-key']],
    ['outbound:\n  - { to: "+*" }\n', ['2:5 missing-key']],
    [
      'outbound:\n  - { to: "+1*", via: acme }\n  - { to: "+1*", via: hq-pbx }\n',
      ['3:5 tie | remove one, or give them different from:'],
    ],
    ['menus: { m: { keys: {} } }\n', ['1:13 missing-key', '1:21 too-few']],
    ['menus: { m: { prompt: a.wav, keys: { "1a": busy } } }\n', ['1:38 unexpected']],
    ['queues: { q: { strategy: longest } }\n', ['1:26 unexpected']],
    ['queues: { q: { overflow: [{ after: 5s, also: p }] } }\n', ['1:46 unknown-queue | did you mean "q"?']],
    ['hours: { h: { open: { mon: "8-18" } } }\n', ['1:28 unexpected']],
    [
      'hours: { h: { timezone: UTC, open: { mon-fri: "08:00-18:00", wed: "08:00-12:00" } } }\n',
      ['1:62 day-twice'],
    ],
    ['hours: { h: { timezone: UTC, open: { monday: "08:00-18:00" } } }\n', ['1:38 bad-day']],
    ['hours: { h: { timezone: UTC, open: { mon: "18:00-18:00" } } }\n', ['1:43 unexpected']],
    ['hours: { h: { timezone: UTC, special: { "13-01": closed } } }\n', ['1:41 unexpected']],
    ['hours: { h: { open: { mon: "08:00-18:00" } } }\n', ['1:13 missing-key']],
    [
      'hours: { h: { timezone: UTC, holidays: xmas } }\n',
      ['1:40 unknown-calendar | define it under calendars:'],
    ],
    ['calendars: { c: { "02-30": x } }\n', ['1:19 unexpected']],
    ['rotas: { r: { timezone: UTC, starts: "2026-01-01", every: 7d, people: [] } }\n', ['1:71 too-few']],
    ['lists: { l: [{ list: k }], k: [{ list: l }] }\n', ['1:10 list-circle']],
    ['lists: { l: { import: ../x.csv } }\n', ['1:23 bad-path']],
    ['lists: { l: { import: x.csv } }\n', ['1:23 missing-import']],
    ['queues: { "a/b": {} }\n', ['1:11 bad-name']],
    ['routes: { r: busy }\nmenus: { r: busy }\n', ['2:13 unexpected']],
    ['a: &b 1\n', ['1:1 unknown-key', '1:4 anchor']],
    ['numbers: [\n', ['2:1 syntax']],
  ];
  for (const [text, expected] of cases) {
    const got = found(text).filter((line) => !line.includes('~'));
    t.same(
      got.map((line, index) =>
        expected[index]?.includes(' | ') === true ? line : line.replace(/ \| .*$/, ''),
      ),
      expected,
      text.trim(),
    );
  }
  t.end();
});

t.test('two rules that nothing keeps apart are an error that names both places', (t) => {
  const rules = (...lines: string[]): string =>
    `timezone: UTC\nlists: { a: ["+1"], b: ["+2"] }\nnumbers:\n${lines.map((line) => `  - { ${line}, route: busy }\n`).join('')}`;
  const ties = (...lines: string[]): string[] =>
    load(rules(...lines))
      .diagnostics.filter(({ code }) => code === 'tie')
      .map(({ place, related }) => `${place.line} with ${related?.[0]?.place.line ?? 0}`);
  t.same(ties('did: "+1202"', 'did: "+1202"'), ['5 with 4']);
  t.same(ties('did: "+1202"', 'did: "+1202", from: anonymous'), []);
  t.same(ties('did: "+1202", from: anonymous', 'did: "+1202", from: [anonymous, "+1*"]'), ['5 with 4']);
  t.same(ties('did: "+1202", from: { list: a }', 'did: "+1202", from: { list: b }'), []);
  t.same(ties('did: "+1202", from: "+12*"', 'did: "+1202", from: "+1234..+1299"'), ['5 with 4']);
  t.same(ties('did: "+1202"', 'did: "+1202", since: 2026-01-01'), []);
  t.same(ties('did: "+1202", since: 2026-01-01', 'did: "+1202", since: 2026-02-01'), []);
  t.same(ties('did: "+1202", since: 2026-01-01', 'did: "+1202", since: 2026-01-01'), ['5 with 4']);
  t.same(ties('did: "+1202", priority: 1', 'did: "+1202"'), []);
  t.same(ties('did: "+100..+199"', 'did: "+150..+249"'), ['5 with 4']);
  t.same(ties('did: "+100..+199"', 'did: "+150..+159"'), []);
  t.same(ties('did: "+12*"', 'did: "+12*"', 'did: "+123*"'), ['5 with 4']);
  t.same(ties('did: "+1xx2"', 'did: "+122x"'), []);
  t.same(ties('did: "+1xx2"', 'did: "+1x2x"'), ['5 with 4']);
  t.same(ties('did: "+1[2-5]x"', 'did: "+1[67]x"'), []);
  t.same(ties('did: ["+1202", "+1202"]'), []);
  const { diagnostics } = load({
    'a.yaml': 'numbers: [{ did: "+12025550100", route: busy }]\n',
    'b.yaml': 'tenant: t\nnumbers:\n  - import: b.csv\n',
    'b.csv': 'did,route\n+12025550100,hangup\n',
  });
  t.match(diagnostics, [
    { code: 'tie', place: { file: 'b.csv', line: 2 }, related: [{ place: { file: 'a.yaml', line: 1 } }] },
  ]);
  t.end();
});

t.test('a called number goes to its most specific rule, and the trace says why the others gave way', (t) => {
  const { plan } = load(`timezone: UTC
numbers:
  - { did: "+12025550100", name: exact, route: busy }
  - { did: "+12025550100", name: anonymous, from: anonymous, route: busy }
  - { did: "+12025550100", name: later, since: 2026-06-01, until: 2026-06-30, route: busy }
  - { did: "+12025550100", name: trunk, from: { trunk: acme }, priority: 5, route: busy }
  - { did: "+12025550000..+12025550999", name: wide, route: busy }
  - { did: "+12025550100..+12025550199", name: narrow, route: busy }
  - { did: "+1202*", name: long, route: busy }
  - { did: "+1*", name: short, route: busy }
  - { did: "+1202555xxxx", name: literal, route: busy }
  - { did: "+12025[5-6]xxxxx", name: loose, route: busy }
`);
  t.ok(plan);
  if (plan === undefined) {
    t.end();
    return;
  }
  const at = (day: string): number => Date.parse(`${day}T12:00Z`);
  const ask = (number: string, facts: Partial<RuleFacts> = {}): string[] => {
    const match = matchRule(plan, number, { at: at('2026-01-01'), anonymous: false, ...facts });
    return match === undefined
      ? []
      : [nameOfRule(match.rule), ...match.rivals.map(({ rule }) => nameOfRule(rule))];
  };
  const broader = ['narrow', 'wide', 'long', 'short', 'literal', 'loose'];
  t.same(ask('+12025550100'), ['exact', ...broader, 'anonymous', 'later', 'trunk']);
  t.same(ask('+12025550100', { anonymous: true }).slice(0, 2), ['anonymous', 'exact']);
  t.same(ask('+12025550100', { trunk: 'acme' }).slice(0, 2), ['trunk', 'exact']);
  t.same(ask('+12025550100', { trunk: 'acme', anonymous: true }).slice(0, 3), [
    'trunk',
    'anonymous',
    'exact',
  ]);
  t.same(ask('+12025550100', { at: at('2026-06-30') }).slice(0, 2), ['later', 'exact']);
  t.same(ask('+12025550100', { at: at('2026-07-01') })[0], 'exact');
  t.same(ask('+12025550150'), broader);
  t.same(ask('+12025550200'), broader.slice(1));
  t.same(ask('+12029990000'), ['long', 'short']);
  t.same(ask('+13'), ['short']);
  t.same(ask('+44'), []);
  const match = matchRule(plan, '+12025550100', { at: at('2026-01-01'), anonymous: false });
  t.match(match && traceOfMatch(match), {
    rule: 'exact',
    place: 'a.yaml:3:5',
    why: 'exact +12025550100 fits +12025550100',
    rivals: [
      { rule: 'narrow', why: '+12025550100..+12025550199 fits, but exact goes before range' },
      {},
      {},
      {},
      {},
      {},
      { rule: 'anonymous', why: '+12025550100 fits, but the caller is not from anonymous' },
      { rule: 'later', why: '+12025550100 fits, but it is in force only since 2026-06-01T00:00Z' },
      { rule: 'trunk' },
    ],
  });
  t.match(nearestNumber(plan, '12025550100'), /\+12025550100/);
  t.end();
});

t.test('a tenant’s names are its own, the shared ones serve all', (t) => {
  const { plan, diagnostics } = load({
    'shared.yaml':
      'queues: { sales: { agents: ["201"] } }\nextensions: { "201": { trunk: hq-pbx } }\nhours: { h: { timezone: UTC, open: { daily: "00:00-24:00" } } }\n',
    'acme.yaml':
      'tenant: acme\nextensions: { "201": { password: "${P:-x}" }, "300..399": { trunk: hq-pbx } }\nqueues: { help: { agents: ["201", "305"] } }\nnumbers:\n  - { did: "+12025550100", route: [{ queue: help }, { queue: sales }, { hours: h, closed: busy }] }\ntests:\n  - { name: a, call: { to: "+12025550100" }, expect: { queue: help } }\n',
  });
  t.same(diagnostics, []);
  t.match(plan?.rules, [
    { tenant: 'acme', route: [{ queue: 'acme/help' }, { queue: 'sales' }, { hours: 'h' }] },
  ]);
  t.match(plan?.queues.get('acme/help'), { agents: [{ extension: 'acme/201' }, { extension: 'acme/305' }] });
  t.match(plan?.devices.get('acme/201'), { extension: 'acme/201', tenant: 'acme' });
  t.match(plan?.tests, [{ expect: { end: { verb: 'queue', value: 'acme/help' } } }]);
  t.same(
    codes({
      'a.yaml': 'tenant: a\nqueues: { q: { agents: [] } }\n',
      'b.yaml': 'tenant: b\nroutes: { r: { queue: q } }\n',
    }).filter((line) => !line.includes('~')),
    ['b.yaml:2:23 unknown-queue'],
  );
  t.same(codes({ 'a.yaml': 'routes: { r: busy }\n', 'b.yaml': 'routes: { r: busy }\n' }), [
    'b.yaml:1:11 duplicate-name',
  ]);
  t.end();
});

t.test('a variable that no path sets is an error where it is used', (t) => {
  const of = (text: string): string[] => found(text).filter((line) => !line.includes('~'));
  t.same(of('routes:\n  a: [{ say: "Hi ${city}" }]\nnumbers:\n  - { did: "+1202", route: { goto: a } }\n'), [
    '2:14 variable-never-set',
  ]);
  t.same(
    of(
      'routes:\n  a: [{ say: "Hi ${ctiy}" }]\nnumbers:\n  - { did: "+1202", route: [{ set: { city: x } }, { goto: a }] }\n',
    ),
    ['2:14 variable-never-set | did you mean "city"?'],
  );
  t.same(
    of(
      'routes:\n  a: [{ say: "Hi ${city}" }]\nnumbers:\n  - { did: "+1202", route: [{ match: { caller: "+1*" }, then: { set: { city: x } } }, { goto: a }] }\n',
    ),
    [],
  );
  t.same(of('numbers:\n  - { did: "+1202", route: [{ say: "${city}" }, { set: { city: x } }] }\n'), [
    '2:36 variable-never-set',
  ]);
  t.same(
    of('numbers:\n  - { did: "+1202", route: [{ webhook: "https://a.example" }, { say: "${city}" }] }\n'),
    [],
  );
  t.same(
    of('numbers:\n  - { did: "+1202", route: [{ collect: pin }, { match: { pin: "1*" }, then: busy }] }\n'),
    [],
  );
  t.same(
    of(
      'menus: { m: { prompt: { say: "${x}" }, keys: { "1": { say: "${x}" } } } }\nnumbers:\n  - { did: "+1202", route: { menu: m } }\n',
    ),
    ['1:30 variable-never-set', '1:60 variable-never-set'],
  );
  t.same(
    of(
      'numbers:\n  - { did: "+1202", route: { say: "${did} ${caller-name} ${language} ${header.X-A} ${last-outcome}" } }\n',
    ),
    [],
  );
  const csv = { 'a.csv': 'did,route,city\n+1202,goto:r,Bern\n' };
  t.same(
    codes({ 'a.yaml': 'numbers: [{ import: a.csv }]\nroutes: { r: { say: "${row.city}" } }\n', ...csv }),
    [],
  );
  t.same(
    codes({ 'a.yaml': 'numbers: [{ import: a.csv }]\nroutes: { r: { say: "${row.town}" } }\n', ...csv }),
    ['2:21 unknown-column'],
  );
  t.end();
});

t.test('warnings tell of rules, paths and definitions that cannot be meant', (t) => {
  const of = (text: string, prompts?: readonly string[]): string[] =>
    codes(text, prompts === undefined ? {} : { prompts });
  t.same(
    of('numbers:\n  - { did: "+1202", route: busy }\n  - { did: "+1202", priority: 1, route: busy }\n'),
    ['2:5 ~unreachable-rule'],
  );
  t.same(
    of('numbers:\n  - { did: "+100..+101", route: busy }\n  - { did: ["+100", "+101"], route: busy }\n'),
    ['2:5 ~unreachable-rule'],
  );
  t.same(
    of(
      'numbers:\n  - { did: "+100..+103", route: busy }\n  - { did: ["+100", "+102..+103"], route: busy }\n',
    ),
    [],
  );
  t.same(
    of(
      `numbers:\n  - { did: "+1*", route: busy }\n  - { did: [${Array.from('0123456789', (digit) => `"+1${digit}*"`).join(', ')}], route: busy }\n`,
    ),
    ['2:5 ~unreachable-rule'],
  );
  t.same(of('numbers:\n  - { did: "12025550100", route: busy }\n'), ['2:5 ~did-without-plus']);
  t.same(of('routes:\n  a: [{ play: a.wav }, { goto: b }]\n  b: [{ wait: 1s }, { goto: a }]\n'), [
    '2:7 ~endless-loop',
  ]);
  t.same(
    of('routes:\n  a: [{ play: a.wav }, { match: { caller: anonymous }, then: hangup }, { goto: a }]\n'),
    [],
  );
  t.same(of('routes:\n  a: [hangup, { play: a.wav }]\n'), ['2:15 ~unreachable-step']);
  t.same(
    of('routes:\n  a: [{ match: { caller: anonymous }, then: busy, otherwise: hangup }, { play: a.wav }]\n'),
    ['2:72 ~unreachable-step'],
  );
  t.same(of('menus: { m: { prompt: a.wav, keys: { "1": hangup } } }\n'), ['1:10 ~no-person']);
  t.same(of('menus: { m: { prompt: a.wav, keys: { "1": hangup }, dial-extension: true } }\n'), []);
  t.same(
    of(
      'extensions: { "1": { trunk: acme } }\nroutes: { r: { extension: "1" } }\nmenus: { m: { prompt: a.wav, keys: { "1": { goto: r } } } }\n',
    ),
    [],
  );
  t.same(
    of(
      'extensions: { "1": { trunk: acme } }\nroutes: { r: [{ menu: m }, { extension: "1" }] }\nmenus: { m: { prompt: a.wav, keys: { "1": hangup } } }\n',
    ),
    [],
  );
  t.same(of('queues: { q: {} }\n'), ['1:11 ~no-agents']);
  t.same(of('hours: { h: { timezone: UTC } }\n'), ['1:10 ~never-open']);
  t.same(of('routes: { r: { play: [a.wav, b.wav] } }\n', ['a.wav']), ['1:30 ~missing-prompt']);
  t.same(
    of(
      'extensions: { "1": { password: secret } }\ndevices: { d: { password: "${X:-y}", extension: "1" } }\n',
    ),
    ['1:32 ~secret-in-clear'],
  );
  t.same(of('routes: { r: { webhook: "https://a.example", secret: s } }\n'), ['1:54 ~secret-in-clear']);
  t.same(of('conferences: { c: { pin: "1234", host-pin: "5678" } }\n'), [
    '1:26 ~secret-in-clear',
    '1:44 ~secret-in-clear',
  ]);
  t.same(of('extensions: { "97": { trunk: acme } }\noutbound:\n  - { dial: "9x", via: acme }\n'), [
    '3:5 ~dial-overlap',
  ]);
  t.same(of('extensions: { "700..799": { trunk: acme } }\nsites: { hq: { outside-line: "7" } }\n'), [
    '1:15 ~dial-overlap',
  ]);
  t.same(
    of(
      'extensions: { "911": { trunk: acme } }\nsites: { hq: { emergency: { numbers: "911", via: acme } } }\n',
    ),
    ['1:15 ~dial-overlap'],
  );
  t.same(
    of(
      'outbound:\n  - { dial: "1xx", via: acme }\nsites: { hq: { emergency: { numbers: "112", via: acme } } }\n',
    ),
    ['2:5 ~dial-overlap'],
  );
  t.end();
});

t.test('inline tests are read as they are written', (t) => {
  const { plan, diagnostics } = load(`${WORLD}timezone: America/New_York
numbers:
  - { did: "+12025550100", route: [{ webhook: "https://a.example/x" }, { hours: office, open: { menu: main } }] }
tests:
  - name: long
    call: { to: "+1 202 555 0100", from: anonymous, trunk: acme, at: "2026-12-25 10:00" }
    press: ["1", wait, hang-up]
    given:
      legs: { "305": [busy, connected], acme: no-answer, "+41791234567": declined }
      queues: { sales: { agents: 0 } }
      trunks: { acme: down }
      webhooks: { "https://a.example/x": { play: a.wav } }
      hours: { office: closed }
      split: 2
    expect:
      end: { extension: "100", is: busy }
      path: [{ ring: ["201", "+41"] }, { menu: main }]
      never: { voicemail: "201" }
      status: 486
      sent: { trunk: acme, number: 911, caller-id: "+1" }
      heard: [a.wav]
  - { name: short, call: { extension: "305", dial: "*97" }, expect: busy }
`);
  t.same(diagnostics, []);
  t.match(plan?.tests, [
    {
      name: 'long',
      call: {
        kind: 'outside',
        to: '+12025550100',
        from: 'anonymous',
        trunk: 'acme',
        at: Date.parse('2026-12-25T15:00Z'),
      },
      press: ['1', 'wait', 'hang-up'],
      given: {
        legs: { 305: ['busy', 'connected'], acme: ['no-answer'], '+41791234567': ['declined'] },
        queues: { sales: { agents: 0 } },
        trunks: { acme: 'down' },
        webhooks: { 'https://a.example/x': { play: 'a.wav' } },
        hours: { office: 'closed' },
        split: 2,
      },
      expect: {
        end: { verb: 'extension', value: '100', is: 'busy' },
        path: [{ verb: 'ring', value: ['201', '+41'] }, { verb: 'menu' }],
        never: [{ verb: 'voicemail' }],
        status: 486,
        sent: { trunk: 'acme', number: '911', callerId: '+1' },
        heard: ['a.wav'],
      },
    },
    { call: { kind: 'inside', extension: '305', dial: '*97' }, expect: { end: { verb: 'busy' } } },
  ]);
  const bad = (test: string): string[] => codes(`${WORLD}tests:\n  - { name: a, ${test} }\n`);
  t.same(bad('call: { to: "+1" }'), ['11:5 missing-key']);
  t.same(bad('call: { to: "+1", dial: "9" }, expect: busy'), ['11:22 two-places']);
  t.same(bad('call: { dial: "9" }, expect: busy'), ['11:22 missing-key']);
  t.same(bad('call: { to: "+1", at: "2026-12-25 10:00" }, expect: busy'), ['11:38 no-timezone']);
  t.same(bad('call: { to: "+1", at: "25.12.2026" }, expect: busy'), ['11:38 unexpected']);
  t.same(bad('call: { to: "+1" }, expect: { queue: sale }'), ['11:53 unknown-queue']);
  t.same(bad('call: { to: "+1" }, expect: { queue: sales, status: 200 }'), ['11:60 unknown-key']);
  t.same(bad('call: { to: "+1" }, expect: { ende: { queue: sales } }'), ['11:46 unknown-key']);
  t.same(bad('call: { to: "+1" }, press: [help], expect: busy'), ['11:44 unexpected']);
  t.same(bad('call: { to: "+1" }, given: { legs: { "201": bussy } }, expect: busy'), ['11:60 unexpected']);
  t.end();
});

t.test('for-each reads a test once for each row', (t) => {
  const files = {
    'a.yaml': `${WORLD}numbers: [{ import: d.csv }]
tests:
  - { name: "each goes to \${row.to}", for-each: d.csv, call: { to: "\${row.did}" }, expect: { extension: "\${row.to}" } }
`,
    'd.csv': 'did,route,to\n+12025550100,extension:100,100\n+12025550201,extension:201,201\n',
  };
  const { plan, diagnostics } = load(files);
  t.same(diagnostics, []);
  t.match(plan?.tests, [
    { name: 'each goes to 100 (d.csv:2)', call: { to: '+12025550100' }, expect: { end: { value: '100' } } },
    { name: 'each goes to 201 (d.csv:3)', expect: { end: { value: '201' } } },
  ]);
  t.same(codes({ ...files, 'd.csv': files['d.csv'].replaceAll(',to', ',too') }), [
    '12:13 unknown-column',
    '12:105 unknown-column',
  ]);
  t.end();
});

t.test('a webhook’s reply is read against the plan, and refused as a whole', (t) => {
  const { plan } = load(WORLD);
  t.ok(plan);
  if (plan === undefined) {
    t.end();
    return;
  }
  t.match(readSteps({}, plan), { kind: 'steps', steps: [] });
  t.match(readSteps({ queue: 'sales' }, plan), { kind: 'steps', steps: [{ verb: 'queue', priority: 0 }] });
  t.match(readSteps({ steps: [{ say: 'Hi ${caller}' }, { extension: 305 }] }, plan), {
    steps: [{ prompt: { text: { parts: ['Hi ', { variable: 'caller' }] } } }, { extension: { name: '305' } }],
  });
  t.match(readSteps([{ queue: 'sale' }], plan), {
    kind: 'invalid',
    why: 'there is no queue "sale" (did you mean "sales"?)',
  });
  for (const reply of [null, 5, 'queue', { a: 1 }, [[]], { set: { x: null } }])
    t.equal(readSteps(reply, plan).kind, 'invalid');
  let deep: unknown = 'busy';
  for (let depth = 0; depth < 100; depth++) deep = [deep];
  t.equal(readSteps(deep, plan).kind, 'invalid');
  t.equal(
    readSteps(
      Array.from({ length: 20_000 }, () => 'busy'),
      plan,
    ).kind,
    'invalid',
  );
  fc.assert(
    fc.property(fc.jsonValue(), (reply) => ['steps', 'invalid'].includes(readSteps(reply, plan).kind)),
    { numRuns: 500 },
  );
  t.end();
});

t.test('the schema names every key of the language', (t) => {
  const schema = dialplanSchema() as {
    $defs: Record<string, { anyOf?: { properties?: Record<string, unknown> }[] }>;
    properties: Record<string, unknown>;
  };
  t.match(schema, {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
  });
  t.ok(schema.properties['numbers']);
  const verbs = schema.$defs['step']?.anyOf?.flatMap(({ properties }) =>
    Object.keys(properties ?? {}).slice(0, 1),
  );
  t.equal(verbs?.length, 22);
  const text = JSON.stringify(schema);
  for (const [, name] of text.matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g))
    t.ok(schema.$defs[name ?? ''], name ?? '');
  t.notMatch(text, /"description":""/);
  t.end();
});

t.test('the reference names every key of the language', (t) => {
  const page = readFileSync(new URL('../../docs/dialplan.md', import.meta.url), 'utf8');
  const keys = new Set<string>();
  const walk = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return;
    for (const [key, value] of Object.entries(schema as Record<string, unknown>)) {
      if (key === 'properties' && typeof value === 'object' && value !== null) {
        for (const name of Object.keys(value)) keys.add(name);
      }
      walk(value);
    }
  };
  walk(dialplanSchema());
  t.ok(keys.size > 120);
  const outcomes = /^if-(?!no-input$|invalid$)/;
  const missing = [...keys].filter(
    (key) => !outcomes.test(key) && !new RegExp(`(\`|[{ ,])${key}(\`|:|,| )`).test(page),
  );
  t.same(missing, []);
  t.end();
});

t.test('whatever stands in the files, loading never throws, and a plan comes only without errors', (t) => {
  const texts = readdirSync(FIXTURES).map((name) => ({
    path: name,
    text: readFileSync(`${FIXTURES}${name}`, 'utf8'),
  }));
  const words = fc.constantFrom(
    'numbers:',
    'did:',
    'route:',
    'menus:',
    'keys:',
    'hours:',
    'open:',
    'lists:',
    'import:',
    'tests:',
    'extensions:',
    '{',
    '}',
    '[',
    ']',
    ',',
    '\n',
    '\n  ',
    '\n    - ',
    '"+1202*"',
    '"201"',
    'busy',
    'extension:',
    'queue:',
    'goto:',
    'split:',
    'match:',
    '${x}',
    'a',
    ': ',
    '"x..y"',
    'tenant:',
    'for-each:',
    'sites:',
    'outbound:',
    'rotas:',
  );
  const check = (text: string): boolean => {
    const { plan, diagnostics } = load({ 'a.yaml': text, 'dids.csv': text });
    const wrong = diagnostics.some(({ severity }) => severity === 'error');
    return (
      (plan === undefined) === wrong &&
      diagnostics.every(({ place, message }) => place.line >= 1 && place.column >= 1 && message !== '')
    );
  };
  fc.assert(
    fc.property(fc.array(words, { maxLength: 40 }), (parts) => check(parts.join(' '))),
    { numRuns: 400 },
  );
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 300 });
  // The example with a piece cut out or put in.
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(60),
      fc.array(words, { maxLength: 3 }),
      fc.nat(3),
      (at, length, insert, which) => {
        const files = Object.fromEntries(
          texts.map(({ path, text }, index) => {
            if (index !== which) return [path, text];
            const from = at % text.length;
            return [path, text.slice(0, from) + insert.join('') + text.slice(from + length)];
          }),
        );
        const { plan, diagnostics } = load(files);
        return (plan === undefined) === diagnostics.some(({ severity }) => severity === 'error');
      },
    ),
    { numRuns: 100 },
  );
  t.end();
});
