import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { formatDiagnostics } from '../../src/base/diagnostic.js';
import { loadSettings, restartNeeded, settingsSchema, type Settings } from '../../src/config/index.js';
import { keysOf, writeReference } from './reference.js';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const none = (): undefined => undefined;

const SMALLEST = 'sip: { listen: [udp://127.0.0.1:5060] }\n';

let folders = 0;

function load(
  t: Test,
  text: string,
  env: Readonly<Record<string, string>> = {},
): ReturnType<typeof loadSettings> {
  const folder = join(t.testdirName, String(folders++), 'config');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'trunkline.yaml');
  writeFileSync(file, text);
  return loadSettings(file, (name) => env[name]);
}

/** `line:column severity code message` of each finding. */
function findings(outcome: ReturnType<typeof loadSettings>): string[] {
  return outcome.diagnostics.map(
    ({ place, severity, code, message, hint }) =>
      `${place.line}:${place.column} ${severity} ${code} ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

function settingsOf(t: Test, text: string, env: Readonly<Record<string, string>> = {}): Settings {
  const outcome = load(t, text, env);
  if (outcome.settings === undefined) throw new Error(findings(outcome).join('\n'));
  return outcome.settings;
}

t.before(() => void t.testdir());

t.test('the sample and the smallest file load without a word', (t) => {
  t.testdir();
  const sample = loadSettings(join(ROOT, 'config/trunkline.yaml'), none);
  t.same(sample.diagnostics, []);
  t.match(sample.settings, {
    sip: {
      listen: [
        { name: 'udp/127.0.0.1:5060', transport: 'udp', host: '127.0.0.1', port: 5060 },
        { name: 'tcp/127.0.0.1:5060', transport: 'tcp' },
      ],
    },
    dialplans: join(ROOT, 'dialplans'),
    trunks: [
      { name: 'local', kind: 'carrier', from: ['127.0.0.1/32'] },
      { name: 'hq-pbx', kind: 'pbx', to: [{ uri: 'sip:127.0.0.1:5070', weight: 1, priority: 1 }] },
    ],
    api: { host: '127.0.0.1', port: 3000, keys: [] },
    store: { path: join(ROOT, 'data/trunkline.db'), durability: 'crash', keepRecordsMs: 400 * 86_400_000 },
  });
  const smallest = load(t, SMALLEST);
  t.same(smallest.diagnostics, []);
  t.match(smallest.settings, {
    numbers: { country: '', receive: ['+e164', '00e164', 'national'], send: '+e164' },
    sip: {
      domain: 'localhost',
      userAgent: 'Trunkline',
      maxUdpBytes: 65535,
      ringTimeoutMs: 180_000,
      ringFastMs: 4000,
      natKeepAliveMs: 30_000,
      drainTimeoutMs: 300_000,
    },
    trunks: [],
    border: { mode: 'enforce', ban: { after: 10, withinMs: 60_000, forMs: 3_600_000, escalate: 2 } },
    log: { level: 'info', redactNumbers: false },
  });
  t.equal(smallest.settings?.dialplans, join(dirname(smallest.settings?.file ?? ''), '../dialplans'));
  t.end();
});

t.test('every key arrives in the resolved settings, units and inheritance worked out', (t) => {
  t.testdir();
  const settings = settingsOf(
    t,
    `sip:
  listen:
    - { name: outside, url: "udp://192.0.2.5", advertise: 203.0.113.7 }
    - tcp://[2001:db8::5]:5080
    - udp://127.0.0.1:0
    - udp://127.0.0.1:0
  domain: voice.example.com
  drachtio: { host: 127.0.0.1, secret: "\${SECRET}" }
  user-agent: Trunkline test
  max-udp: 1300B
  ring-timeout: 2m
  ring-fast: 2500ms
  nat-keep-alive: 0s
  drain-timeout: 10s
media:
  ports: 30000-30999
  prompts: /srv/prompts
  say: { command: [say, "{text}"] }
  keep-recordings: 90d
  voicemail: { max-messages: 20, max-size: 10MB, keep: 30d, pin-attempts: 3, pin-lock: 1h, hook: [mail, "{file}"] }
numbers: { country: US, area-code: "202" }
trunks:
  acme:
    kind: carrier
    from: [198.51.100.0/28, SIP.acme.example., 2001:db8::/48]
    to: [{ uri: "sip:sbc1.acme.example;transport=tcp", weight: 3, priority: 2 }, "sip:[2001:db8::9]:5062"]
    did: to
    numbers: { receive: national, send: e164 }
    caller-id: { trust: true, header: remote-party-id }
    limits: { calls: 30, per-second: 5, minutes-per-day: 5000 }
    probe: { every: 1m }
    retry-on: [503]
    media: direct
    session-timer: 30m
    try-timeout: 500ms
    max-duration: 4h
    keep-alive: 5m
    rel100: off
    listener: outside
    site: hq
    tenant: blue
  wien: { kind: pbx, from: 192.0.2.77, numbers: { country: AT } }
border:
  allow: 192.0.2.1
  deny: [203.0.113.66]
  block-callers: ["+1900*", anonymous, "+12025550100..+12025550199", "+1202555xx[2-9]x"]
  block-user-agents: [sipvicious]
  rate: { unknown: { per-source: 120/m, burst: 3, total: 50/s } }
  ban: { after: 3, within: 10s, for: 1m, escalate: 1.5, never: [10.0.0.0/8] }
  fraud: { deny-prefixes: ["+881", "+882*"], max-calls-per-hour: 200 }
  mode: observe
limits: { calls: 500, per-second: 50 }
api:
  listen: "0.0.0.0:3000"
  keys: [{ name: ops, role: admin, hash: "sha256:${'0'.repeat(64)}" }]
store: { path: records.db, keep-records: 30d, keep-answers: 60d, durability: power-loss }
log: { level: debug, redact-numbers: true }
`,
    { SECRET: 'from the environment' },
  );
  t.match(settings, {
    sip: {
      listen: [
        { name: 'outside', transport: 'udp', host: '192.0.2.5', port: 5060, advertise: '203.0.113.7' },
        { name: 'tcp/[2001:db8::5]:5080', transport: 'tcp', host: '2001:db8::5', port: 5080 },
        { name: 'udp/127.0.0.1:0' },
        { name: 'udp/127.0.0.1:0#2' },
      ],
      drachtio: { host: '127.0.0.1', port: 9022, secret: 'from the environment' },
      userAgent: 'Trunkline test',
      maxUdpBytes: 1300,
      ringTimeoutMs: 120_000,
      ringFastMs: 2500,
      natKeepAliveMs: 0,
      drainTimeoutMs: 10_000,
    },
    media: {
      ports: { lo: 30_000, hi: 30_999 },
      prompts: '/srv/prompts',
      say: { command: ['say', '{text}'] },
      keepRecordingsMs: 90 * 86_400_000,
      voicemail: {
        maxMessages: 20,
        maxBytes: 10_000_000,
        keepMs: 30 * 86_400_000,
        pinAttempts: 3,
        pinLockMs: 3_600_000,
        hook: ['mail', '{file}'],
      },
      freeswitch: [],
    },
    border: {
      allow: ['192.0.2.1'],
      deny: ['203.0.113.66'],
      unknownRate: { perSourcePerS: 2, burst: 3, totalPerS: 50 },
      ban: { after: 3, withinMs: 10_000, forMs: 60_000, escalate: 1.5, never: ['10.0.0.0/8'] },
      fraud: { denyPrefixes: ['+881', '+882'], maxCallsPerHour: 200 },
      limits: { calls: 500, perSecond: 50 },
      mode: 'observe',
    },
    api: { host: '0.0.0.0', port: 3000, keys: [{ name: 'ops', role: 'admin' }] },
    store: {
      path: join(dirname(settings.file), 'records.db'),
      keepRecordsMs: 30 * 86_400_000,
      keepAnswersMs: 60 * 86_400_000,
      durability: 'power-loss',
    },
    log: { level: 'debug', redactNumbers: true },
  });
  t.same(settings.trunks[0], {
    name: 'acme',
    kind: 'carrier',
    from: ['198.51.100.0/28', 'sip.acme.example', '2001:db8::/48'],
    to: [
      { uri: 'sip:sbc1.acme.example;transport=tcp', weight: 3, priority: 2 },
      { uri: 'sip:[2001:db8::9]:5062', weight: 1, priority: 1 },
    ],
    did: ['to'],
    numbers: { country: 'US', areaCode: '202', receive: ['national'], send: 'e164' },
    callerId: { trust: true, header: 'remote-party-id' },
    limits: { calls: 30, perSecond: 5, minutesPerDay: 5000 },
    probe: { everyMs: 60_000, downAfter: 3, upAfter: 2 },
    retryOn: [503],
    media: 'direct',
    sessionTimerMs: 1_800_000,
    tryTimeoutMs: 500,
    maxDurationMs: 14_400_000,
    keepAliveMs: 300_000,
    rel100: 'off',
    listener: 'outside',
    site: 'hq',
    tenant: 'blue',
  });
  t.match(settings.trunkSites, [{ site: 'hq', place: { line: Number } }]);
  t.same(settings.trunks[1]?.numbers, {
    country: 'AT',
    receive: ['+e164', '00e164', 'national'],
    send: '+e164',
  });
  t.end();
});

t.test('all that is wrong is said at once, with its place and what was meant', (t) => {
  t.testdir();
  const outcome = load(
    t,
    `sip:
  listen: [udp://127.0.0.1:99999]
  domian: voice.example.com
numbers: { country: UK }
trunk: {}
trunks:
  acme:
    kind: carier
    from: [198.51.100.0/33, "bad host", 300.1.2.3]
    to: [sbc.acme.example, { uri: "sip:a b" }, { uri: "sip:x.example", weight: 0 }]
    retry-on: [486]
    limits: { calls: many }
  "bad name": { kind: pbx }
  other: { kind: pbx, session-timer: 60s, register: { registrar: "sip:r.example", username: u, password: "\${MISSING}" } }
border: { ban: { for: 1y }, mode: Observe, block-callers: ["*97 hello"] }
api: { listen: localhost, keys: [{ name: a, role: root, hash: abc }] }
store: { durability: fsync }
log: { level: verbose }
`,
  );
  t.equal(outcome.settings, undefined);
  const text = findings(outcome).join('\n');
  for (const wanted of [
    '2:12 error unexpected expected an address to listen on',
    '3:3 error unknown-key unknown key "domian" (did you mean "domain"?)',
    '4:21 error unexpected expected a country as its two letters, such as US, found "UK" (did you mean "GB"?)',
    '5:1 error unknown-key unknown key "trunk" (did you mean "trunks"?)',
    '8:11 error unexpected expected one of carrier, pbx, found "carier" (did you mean "carrier"?)',
    '9:12 error unexpected expected an IP address, a block such as 192.0.2.0/24, or a host name, found "198.51.100.0/33"',
    '9:29 error unexpected',
    '9:41 error unexpected',
    '10:10 error unexpected expected a SIP URI such as sip:sbc.example.com or sip:192.0.2.5:5080;transport=tcp, found "sbc.acme.example" (did you mean "sip:sbc.acme.example"?)',
    '10:35 error unexpected',
    '10:80 error unexpected expected a whole number from 1 to 65535',
    '11:16 error unexpected expected a SIP status from 400 to 699, but none of 486',
    '12:22 error unexpected',
    '13:3 error unexpected expected a name for the trunk',
    '14:38 error unexpected expected a duration',
    'error missing-environment',
    '15:23 error unexpected',
    '15:35 error unexpected expected one of enforce, observe, found "Observe" (did you mean "observe"?)',
    '15:60 error unexpected',
    '16:16 error unexpected expected an address and port such as 127.0.0.1:3000, found "localhost"',
    '16:51 error unexpected expected one of admin, operator, viewer',
    '16:63 error unexpected expected sha256:',
    '17:22 error unexpected expected one of crash, power-loss',
    '18:15 error unexpected expected one of debug, info, warn, error',
  ]) {
    t.ok(text.includes(wanted), wanted, { found: text });
  }
  t.notMatch(text, /14:106 error no-value/, 'a missing variable is said once');
  const shown = formatDiagnostics(outcome.diagnostics, (file) => readFileSync(file, 'utf8'));
  t.match(shown, / 8 \| {5}kind: carier\n {3}\| {11}\^\n {2}hint: did you mean "carrier"\?/);
  t.match(findings(loadSettings(join(t.testdirName, 'missing.yaml'), none)), [
    /^1:1 error file-unreadable .*no such file/,
  ]);
  t.match(findings(loadSettings(t.testdirName, none)), [/it is a folder/]);
  t.match(findings(load(t, '')), [/error no-value the settings file is empty/]);
  t.match(findings(load(t, '- a list')), [/error unexpected expected a map with sip/]);
  t.match(findings(load(t, 'log: { level: info }')), [/error missing-key "sip" is missing/]);
  t.match(findings(load(t, `${SMALLEST}a: &x 1\nb: *x\n`)).join('\n'), /anchor[^]*alias/);
  t.end();
});

t.test('the pieces must fit together', (t) => {
  t.testdir();
  const cases: readonly (readonly [text: string, ...wanted: RegExp[]])[] = [
    [
      'sip:\n  listen:\n    - { name: a, url: "udp://127.0.0.1:5060" }\n    - { name: a, url: "udp://127.0.0.1:5061" }\n    - udp://127.0.0.1:5060\n',
      /4:23 error duplicate-name a listener named "a"/,
      /5:7 error duplicate-listener udp:\/\/127.0.0.1:5060/,
    ],
    [
      'sip: { listen: [{ name: outside, url: "udp://127.0.0.1:5060" }] }\ntrunks:\n  a: { kind: pbx, to: "sip:x.example", listener: outsied }\n',
      /3:50 error unknown-name there is no listener "outsied" \(did you mean "outside"\?\)/,
    ],
    [
      `${SMALLEST}trunks:\n  a: { kind: pbx, from: [192.0.2.0/24] }\n  b: { kind: pbx, from: [192.0.2.7/24, 10.0.0.1] }\nborder: { deny: [192.0.0.0/16, 10.0.0.0/31] }\n`,
      /3:26 error denied-trunk 192.0.2.0\/24 is denied by border.deny \(192.0.0.0\/16\)/,
      /4:26 warning host-bits/,
      /4:26 warning shared-address "b" and "a" share/,
      /4:26 error denied-trunk/,
      /4:40 error denied-trunk/,
    ],
    [
      `${SMALLEST}trunks:\n  a: { kind: pbx, to: ["sip:x.example", "sip:X.example"] }\n  b: { kind: carrier, probe: {} }\n`,
      /3:41 warning duplicate-destination/,
      /4:3 warning idle-trunk no call can come from "b"/,
      /4:3 warning idle-probe/,
    ],
    [
      `${SMALLEST}trunks:\n  a: { kind: pbx, digest: { username: u, password: long1 } }\n  b: { kind: pbx, digest: { username: u, password: long2 } }\n`,
      /4:27 error duplicate-login "a" has the digest user name u already/,
    ],
    [
      'sip: { listen: [udp://0.0.0.0:5060] }\ntrunks:\n  a: { kind: pbx, to: "sip:x.example", digest: { username: u, password: "${PW:-change-me}" } }\n',
      /3:73 error default-password the password of "a" is still "change-me", and the world may try it/,
    ],
    [
      `${SMALLEST}trunks:\n  a: { kind: pbx, to: "sip:x.example", digest: { username: u, password: change-me } }\n`,
      /3:73 warning default-password .*would not start/,
    ],
    [
      `${SMALLEST}api: { listen: "0.0.0.0:3000" }\n`,
      /2:16 error open-api the API would listen on 0.0.0.0 for everyone/,
    ],
    [
      `${SMALLEST}api: { keys: [{ name: a, role: admin, hash: "sha256:${'a'.repeat(64)}" }, { name: a, role: viewer, hash: "sha256:${'b'.repeat(64)}" }] }\n`,
      /2:\d+ error duplicate-name a key named "a"/,
    ],
    [
      'sip: { listen: [tls://192.0.2.5, ws://127.0.0.1:8080], tls: { cert: a.pem, key: b.pem } }\n',
      /1:17 error not-yet tls listeners come with a later version/,
      /1:34 error not-yet ws listeners/,
      /1:61 warning not-yet TLS comes/,
    ],
    [
      `${SMALLEST}media: { freeswitch: [{ host: 127.0.0.1, secret: s }] }\ntrunks:\n  a: { kind: carrier, to: ["sips:x.example", "sip:y.example;transport=tls"], codecs: [PCMU], media: relay, register: { registrar: "sip:r.example", username: u, password: p } }\n`,
      /2:22 warning not-yet FreeSWITCH/,
      /4:28 warning not-yet calls over TLS/,
      /4:46 warning not-yet calls over tls/,
      /4:118 warning not-yet registering/,
    ],
  ];
  for (const [text, ...wanted] of cases) {
    const found = findings(load(t, text));
    for (const pattern of wanted)
      t.ok(
        found.some((line) => pattern.test(line)),
        String(pattern),
        { found },
      );
    t.equal(found.length, wanted.length, 'nothing else is found', { found });
  }
  const elsewhere = load(t, 'sip: { listen: [tls://192.0.2.5], drachtio: { host: 127.0.0.1, secret: s } }\n');
  t.same(elsewhere.diagnostics, [], 'a drachtio-server may have TLS');
  t.end();
});

t.test('a secret never shows in a message', (t) => {
  t.testdir();
  const outcome = load(
    t,
    `${SMALLEST}trunks:\n  a: { kind: pbx, digest: { username: u, password: "hush\${hour}" } }\n  b: { kind: pbx, digest: { username: u, password: "${'hush'.repeat(100)}" } }\n`,
  );
  t.equal(outcome.diagnostics.length, 2);
  t.notMatch(findings(outcome).join('\n'), /hush/);
  t.end();
});

t.test('a reload says which changes wait for a restart', (t) => {
  t.testdir();
  const before = settingsOf(t, SMALLEST);
  const same = {
    ...settingsOf(t, SMALLEST),
    dialplans: before.dialplans,
    media: before.media,
    store: before.store,
  };
  t.same(restartNeeded(before, same), []);
  const reloadable = settingsOf(
    t,
    `${SMALLEST}trunks: { a: { kind: pbx, to: "sip:x.example" } }\nborder: { mode: observe }\nlimits: { calls: 5 }\n`,
  );
  t.same(
    restartNeeded(before, {
      ...reloadable,
      dialplans: before.dialplans,
      media: before.media,
      store: before.store,
    }),
    [],
  );
  const changed = settingsOf(
    t,
    'sip: { listen: [udp://127.0.0.1:5070], domain: a.example }\napi: { listen: "127.0.0.1:3001" }\nstore: { keep-records: 1d }\nlog: { level: warn }\n',
  );
  t.same(restartNeeded(before, { ...changed, dialplans: before.dialplans, media: before.media }), [
    'sip.listen',
    'sip.domain',
    'api.listen',
    'store',
    'log',
  ]);
  t.end();
});

t.test("the page's own example loads", (t) => {
  t.testdir();
  const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
  const examples = [...page.matchAll(/```yaml\n([^]*?)```/g)].map((match) => match[1]!);
  t.ok(examples.length > 0);
  for (const example of examples) t.same(findings(load(t, example)), []);
  t.end();
});

t.test('the reference documents every key, and no other', (t) => {
  const file = join(ROOT, 'docs/configuration.md');
  const schema = settingsSchema();
  const page = readFileSync(file, 'utf8');
  const [before, , after] = page.split(/(?<=<!-- reference:.*-->\n)|(?=<!-- end of the reference -->)/);
  const wanted = `${before}\n${writeReference(schema)}\n${after ?? page.slice(page.indexOf('<!-- end'))}`;
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, wanted);
  const now = readFileSync(file, 'utf8');
  const documented = [...now.matchAll(/^\| `([a-z][^`]*)` \|/gm)].map((match) => match[1]!);
  const known = keysOf(schema).map((key) => key.path);
  const leaves = known.filter((path) => path.includes('.') || path === 'dialplans');
  t.same(
    leaves.filter((path) => !documented.includes(path)),
    [],
    'every key is documented',
  );
  t.same(
    documented.filter((path) => !leaves.includes(path)),
    [],
    'no key that is none is documented',
  );
  t.equal(now, wanted, 'the tables say what the code says; UPDATE_DOCS=1 writes them anew');
  for (const key of keysOf(schema)) t.not(key.doc, 'undefined', `${key.path} says what it means`);
  t.end();
});
