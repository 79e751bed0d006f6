import t from 'tap';
import { silentLogger } from '../../src/base/logger.js';
import {
  createBorder,
  type Ban,
  type BorderRules,
  type BorderTrunk,
  type CallToCheck,
} from '../../src/border/index.js';
import { SipRequest } from '../../src/sip/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const RULES: BorderRules = {
  allow: [],
  deny: ['203.0.113.66/32'],
  blockCallers: ['+1900*'],
  blockUserAgents: ['friendly-scanner', 'VaxSIPUserAgent'],
  unknownRate: { perSourcePerS: 5, burst: 20, totalPerS: 200 },
  ban: { after: 3, withinMs: 60_000, forMs: 3_600_000, escalate: 2, never: ['10.0.0.0/8'] },
  fraud: { denyPrefixes: ['+881'], maxCallsPerHour: 2 },
  limits: {},
  mode: 'enforce',
};
const ACME: BorderTrunk = {
  name: 'acme',
  networks: ['198.51.100.0/28'],
  limits: { calls: 2, perSecond: 5, minutesPerDay: 10 },
};

function setUp(rules: Partial<BorderRules> = {}, trunks: readonly BorderTrunk[] = [ACME]) {
  const clock = createFakeClock();
  const saved = new Map<string, Ban>();
  let changes = 0;
  const deps = {
    clock,
    logger: silentLogger,
    compileNumbers: (patterns: readonly string[]) => (number: string) =>
      patterns.some((pattern) =>
        pattern.endsWith('*') ? number.startsWith(pattern.slice(0, -1)) : number === pattern,
      ),
    bans: {
      load: () => [...saved.values()],
      save: (ban: Ban) => void saved.set(ban.address, ban),
      remove: (address: string) => void saved.delete(address),
    },
    onBansChanged: () => (changes += 1),
  };
  const border = createBorder({ ...RULES, ...rules }, trunks, {
    ...deps,
    isHome: (address) => address === '203.0.113.200',
  });
  return { border, clock, saved, deps, changes: () => changes };
}

function callBy(changes: Partial<CallToCheck> = {}): CallToCheck {
  return {
    source: { address: '198.51.100.1' },
    party: { kind: 'trunk', trunk: { name: 'acme' } },
    caller: '+12125550000',
    anonymous: false,
    emergency: false,
    ...changes,
  };
}

const UNKNOWN: Partial<CallToCheck> = { source: { address: '192.0.2.9' }, party: { kind: 'unknown' } };

void t.test('each refusal has its code and status, in the fixed order', (t) => {
  const { border } = setUp({ blockCallers: ['+1900*', 'anonymous'] });
  const codeOf = (changes: Partial<CallToCheck>) => {
    const { verdict } = border.checkCall(callBy(changes), { dryRun: true });
    return verdict.kind === 'admit' ? 'admit' : `${verdict.status} ${verdict.code}`;
  };
  t.equal(codeOf({}), 'admit');
  t.equal(codeOf({ source: { address: '203.0.113.66' } }), '403 address-denied');
  t.equal(codeOf(UNKNOWN), '403 unknown-source');
  t.equal(
    codeOf({ ...UNKNOWN, party: { kind: 'unidentified' } }),
    'admit',
    'who will be challenged is not refused yet',
  );
  t.equal(codeOf({ userAgent: 'x-VAXSIPuseragent/3.1' }), '403 user-agent-blocked');
  t.equal(codeOf({ caller: '+19005551234' }), '603 caller-blocked');
  t.equal(codeOf({ anonymous: true }), '433 caller-anonymous');
  t.equal(
    codeOf({ ...UNKNOWN, userAgent: 'friendly-scanner' }),
    '403 unknown-source',
    'the first check that refuses decides',
  );
  t.equal(codeOf({ request: new SipRequest('INVITE', 'sip:1@example.com') }), '400 malformed-headers');
  t.equal(codeOf({ caller: '+19005551234', emergency: true }), 'admit', 'emergency calls pass block lists');
  const { findings } = border.checkCall(callBy(), { dryRun: true });
  t.same(
    findings.map(({ check }) => check),
    ['ban', 'access-list', 'known', 'sanity', 'user-agent', 'rate', 'caller', 'capacity'],
  );
  t.equal(border.counters().size, 0, 'a dry run counts nothing');
  t.end();
});

void t.test('calls a second and calls at a time are held, and places come back', (t) => {
  const { border, clock } = setUp();
  const admitted = () => border.checkCall(callBy()).verdict;
  const first = border.callStarted(callBy());
  border.callStarted(callBy());
  t.match(admitted(), { kind: 'refuse', status: 503, code: 'trunk-capacity' });
  t.equal(
    border.checkCall(callBy({ emergency: true })).verdict.kind,
    'admit',
    'an emergency call passes the limit',
  );
  first(0);
  first(0);
  t.equal(admitted().kind, 'admit', 'a place released twice is one place');
  for (let i = 0; i < 3; i++) admitted();
  t.match(admitted(), { code: 'trunk-rate', status: 503, retryAfterS: 1 });
  clock.advance(1000);
  t.equal(admitted().kind, 'admit');
  t.same(border.counters().get('trunk-rate'), { refused: 1, observed: 0 });
  t.end();
});

void t.test('minutes of the day are counted from connected time and begin anew at midnight UTC', (t) => {
  const { border, clock } = setUp();
  border.callStarted(callBy())(10 * 60_000);
  t.match(border.checkCall(callBy()).verdict, { code: 'trunk-minutes' });
  clock.advance(24 * 3_600_000);
  t.equal(border.checkCall(callBy()).verdict.kind, 'admit');
  t.end();
});

void t.test('legs: denied prefixes, calls an hour of an extension, capacity; emergency passes', (t) => {
  const { border, clock } = setUp();
  const leg = { trunk: { name: 'acme' }, number: '+12025550100', extension: '201', emergency: false };
  t.match(border.legStarted({ ...leg, number: '+88155' }), {
    kind: 'refuse',
    verdict: { code: 'prefix-denied' },
  });
  t.equal(border.legStarted({ ...leg, number: '+88155', emergency: true }).kind, 'admit');
  t.equal(border.lookAtLeg(leg).kind, 'admit');
  t.equal(border.legStarted(leg).kind, 'admit');
  t.match(border.legStarted(leg), { kind: 'refuse', verdict: { code: 'trunk-capacity' } });
  t.match(border.legStarted(leg), { kind: 'refuse', verdict: { code: 'caller-rate' } });
  clock.advance(2 * 3_600_000);
  t.match(
    border.legStarted(leg),
    { kind: 'refuse', verdict: { code: 'trunk-capacity' } },
    'the hour has passed',
  );
  t.end();
});

void t.test('observe counts what would be refused and lets it pass', (t) => {
  const { border } = setUp({ mode: 'observe' });
  const report = border.checkCall(callBy({ caller: '+19005551234', userAgent: 'friendly-scanner' }));
  t.equal(report.verdict.kind, 'admit');
  t.same(
    report.findings.filter(({ verdict }) => verdict.kind === 'refuse').map(({ check }) => check),
    ['user-agent', 'caller'],
  );
  t.same(border.counters().get('caller-blocked'), { refused: 0, observed: 1 });
  t.equal(border.legStarted({ trunk: { name: 'acme' }, number: '+8811', emergency: false }).kind, 'admit');
  t.end();
});

void t.test('enough failures ban an address, each time for longer; trunks and never: are spared', (t) => {
  const { border, clock, saved, changes } = setUp();
  const fail = (address: string, times: number) => {
    for (let i = 0; i < times; i++) border.noteFailure(address, 'failed-digest');
  };
  fail('192.0.2.9', 2);
  t.equal(border.bans.list().length, 0);
  clock.advance(61_000);
  fail('192.0.2.9', 2);
  t.equal(border.bans.list().length, 0, 'failures outside the window are forgotten');
  fail('192.0.2.9', 1);
  t.match(border.bans.list(), [{ address: '192.0.2.9', times: 1 }]);
  t.equal(changes(), 1);
  t.match(border.gateRules().banned, [{ address: '192.0.2.9' }]);
  t.match(border.checkCall(callBy(UNKNOWN)).verdict, { code: 'banned' });
  clock.advance(3_600_001);
  t.equal(border.bans.isBanned('192.0.2.9'), undefined);
  fail('192.0.2.9', 3);
  const second = saved.get('192.0.2.9')!;
  t.equal(second.until - second.since, 2 * 3_600_000, 'the second ban lasts twice as long');
  border.noteFailure('192.0.2.77', 'malformed', 3);
  t.match(border.bans.isBanned('192.0.2.77'), { reason: 'malformed, 3 points' });
  border.bans.lift('192.0.2.77');
  fail('10.1.2.3', 50);
  fail('198.51.100.3', 50);
  t.equal(border.bans.list().length, 1);
  t.equal(border.bans.lift('192.0.2.9'), true);
  t.equal(border.bans.lift('192.0.2.9'), false);
  t.equal(border.bans.list().length, 0);
  t.end();
});

void t.test(
  'what may be forged does not ban an address at which a phone is registered; wrong passwords do',
  (t) => {
    const { border } = setUp();
    border.noteFailure('203.0.113.200', 'malformed', 50);
    border.noteFailure('203.0.113.200', 'unknown-source', 50);
    t.equal(border.bans.isBanned('203.0.113.200'), undefined);
    border.noteFailure('203.0.113.200', 'failed-digest', 3);
    t.ok(border.bans.isBanned('203.0.113.200'));
    t.end();
  },
);

void t.test('many bans at once reach the gate together', (t) => {
  const { border, clock, changes } = setUp();
  for (let host = 0; host < 200; host++) border.noteFailure(`203.0.113.${host}`, 'malformed', 3);
  t.equal(changes(), 1, 'the first at once');
  clock.advance(250);
  t.equal(changes(), 2);
  t.equal(border.gateRules().banned.length, 200);
  clock.advance(10_000);
  t.equal(changes(), 2, 'and no more without cause');
  border.bans.lift('203.0.113.1');
  t.equal(changes(), 3);
  t.end();
});

void t.test('a scanner user agent is banned at its first calls, and bans outlive a restart', (t) => {
  const { border, deps } = setUp();
  border.checkCall(callBy({ ...UNKNOWN, party: { kind: 'unidentified' }, userAgent: 'friendly-scanner' }));
  t.match(border.bans.list(), [{ address: '192.0.2.9' }]);
  const again = createBorder(RULES, [ACME], deps);
  t.match(again.bans.list(), [{ address: '192.0.2.9' }]);
  t.end();
});

void t.test('new rules take force at once, and a bad one leaves the old in force', (t) => {
  const { border } = setUp();
  border.configure({ ...RULES, blockCallers: ['+1212*'] }, [ACME]);
  t.match(border.checkCall(callBy()).verdict, { code: 'caller-blocked' });
  t.throws(() => border.configure({ ...RULES, deny: ['300.1.1.1/8'] }, [ACME]));
  t.match(border.checkCall(callBy()).verdict, { code: 'caller-blocked' });
  t.end();
});
