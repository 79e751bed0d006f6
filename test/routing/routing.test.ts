import t from 'tap';
import { silentLogger } from '../../src/base/logger.js';
import { createBorder, type BorderRules } from '../../src/border/index.js';
import type { DeviceDefinition, TrunkSettings } from '../../src/model/index.js';
import { parsePattern, matchesPattern } from '../../src/numbers/index.js';
import {
  createRouter,
  type Border,
  type InviteAuthentication,
  type RouteDecision,
  type RoutingDeps,
  type TrunkMatch,
} from '../../src/routing/index.js';
import { SipRequest } from '../../src/sip/index.js';
import {
  buildPlan,
  device,
  extension,
  menu,
  number,
  outbound,
  rule,
  site,
  step,
  weekdays,
} from '../dialplan/build-plan.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const NUMBERS = {
  country: 'US',
  areaCode: '202',
  receive: ['+e164', '00e164', 'national'],
  send: '+e164',
} as const;

const RULES: BorderRules = {
  allow: [],
  deny: [],
  blockCallers: [],
  blockUserAgents: [],
  unknownRate: { perSourcePerS: 5, burst: 20, totalPerS: 200 },
  ban: { after: 10, withinMs: 60_000, forMs: 3_600_000, escalate: 2, never: [] },
  fraud: { denyPrefixes: [] },
  limits: {},
  mode: 'enforce',
};

function trunk(name: string, changes: Partial<TrunkSettings> = {}): TrunkSettings {
  return {
    name,
    kind: 'carrier',
    from: [],
    to: [],
    did: ['request-uri', 'to', 'p-called-party-id'],
    numbers: NUMBERS,
    callerId: { trust: true, header: 'p-asserted-identity' },
    limits: {},
    retryOn: [],
    media: 'direct',
    tryTimeoutMs: 4000,
    rel100: 'supported',
    ...changes,
  };
}

const PLAN = buildPlan({
  rules: [
    rule('+12025550203', [step.extension('203')]),
    rule('+12025550100', [step.hours('office', { open: [step.menu('main')], closed: [step.reject(480)] })]),
    rule('+12025550150', [step.reject(603)], { from: number('+12125550666') }),
    rule('+12025550150', [step.extension('201')]),
  ],
  extensions: [
    extension('201', { displayName: 'Ann Lee', site: 'hq' }),
    extension('100', { where: { kind: 'trunk', trunk: 'hq-pbx' } }),
    extension('203..299', { where: { kind: 'trunk', trunk: 'hq-pbx' } }),
  ],
  devices: [device('201')],
  menus: [menu('main', { '1': [step.extension('201')] })],
  hours: [weekdays('America/New_York', 510, 1080)],
  sites: [
    site('hq', {
      outsideLine: '7',
      emergency: { numbers: ['911'], via: ['acme'], callerId: '+12025550100', notify: [] },
    }),
  ],
  outbound: [outbound({ to: '+*', via: ['acme'] })],
});

interface InviteParts {
  readonly uri?: string;
  readonly to?: string;
  readonly from?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

function invite(parts: InviteParts = {}): SipRequest {
  const uri = parts.uri ?? 'sip:+12025550203@198.51.100.1';
  const request = new SipRequest('INVITE', uri);
  request.headers.add('Via', 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1');
  request.headers.add('From', parts.from ?? '"Bob" <sip:+12125550000@192.0.2.1>;tag=1');
  request.headers.add('To', parts.to ?? `<${uri}>`);
  request.headers.add('Call-ID', 'c1');
  request.headers.add('CSeq', '1 INVITE');
  request.headers.add('Contact', '<sip:bob@192.0.2.1>');
  for (const [name, value] of parts.headers ?? []) request.headers.add(name, value);
  return request;
}

interface World {
  readonly match?: TrunkMatch;
  readonly authentication?: InviteAuthentication;
  /** A phone is registered from where the request comes from. */
  readonly isPhone?: boolean;
  readonly border?: Border;
  readonly trunks?: readonly TrunkSettings[];
}

const ADMITS: Border = {
  checkCall: () => ({ findings: [], verdict: { kind: 'admit' } }),
  noteFailure: () => undefined,
};
const SOURCE = { address: '192.0.2.1', port: 5060, transport: 'udp' };

function router(world: World = {}) {
  const trunks = world.trunks ?? [trunk('acme'), trunk('hq-pbx', { kind: 'pbx', site: 'hq' })];
  let id = 0;
  const deps: RoutingDeps = {
    plans: { current: () => ({ plan: PLAN, revision: 7 }), hoursOverride: () => undefined },
    trunks: {
      identify: () => world.match ?? { kind: 'trunk', trunk: trunks[0]!, why: 'address' },
      get: (name) => trunks.find((one) => one.name === name),
    },
    authentication: {
      authenticateInvite: () => world.authentication ?? { kind: 'failed' },
      isPhoneAt: () => world.isPhone === true,
    },
    border: world.border ?? ADMITS,
    numbers: () => NUMBERS,
    now: () => Date.UTC(2026, 10, 24, 15),
    newId: () => `call-${++id}`,
    random: () => 0.25,
  };
  return createRouter(deps);
}

function admitted(decision: RouteDecision) {
  if (decision.kind !== 'call') throw new Error(`not admitted: ${JSON.stringify(decision)}`);
  return decision;
}

function factsOf(parts: InviteParts, changes: Partial<TrunkSettings> = {}) {
  const one = trunk('acme', changes);
  return admitted(
    router({ match: { kind: 'trunk', trunk: one, why: 'address' } }).routeCall(invite(parts), SOURCE),
  ).facts;
}

t.test('a call of a known trunk to a known DID gets its first action, with how it was come by', (t) => {
  const route = admitted(router().routeCall(invite(), SOURCE));
  t.match(route, {
    kind: 'call',
    revision: 7,
    emergency: false,
    trunk: { name: 'acme' },
    facts: {
      callId: 'call-1',
      direction: 'inbound',
      dialed: '+12025550203',
      dialedRaw: '+12025550203',
      caller: '+12125550000',
      callerRaw: '+12125550000',
      callerName: 'Bob',
      anonymous: false,
      trunk: 'acme',
      at: Date.UTC(2026, 10, 24, 15),
      seed: 0x4000_0000,
    },
    step: {
      action: {
        kind: 'connect',
        groups: [{ legs: [{ to: { trunks: ['hq-pbx'], number: '203', extension: '203' } }] }],
      },
    },
    trace: [{ kind: 'trunk', trunk: 'acme', why: 'address' }],
    border: { party: { kind: 'trunk' }, dialed: '+12025550203', caller: '+12125550000' },
  });
  t.end();
});

t.test('a phone on the machine of a trunk is a phone', (t) => {
  const challenge = { kind: 'challenge', status: 401, headers: [] } as const;
  const decision = router({ isPhone: true, authentication: challenge }).routeCall(invite(), SOURCE);
  t.equal(decision.kind, 'challenge', 'its address alone would be the trunk’s');
  t.end();
});

t.test('where the number called stands', (t) => {
  const national = 'sip:2025550203@198.51.100.1';
  t.match(factsOf({ uri: national }), { dialed: '+12025550203', dialedRaw: '2025550203' });
  t.match(factsOf({ uri: 'sip:%2B1-202-555-0203;npdi@198.51.100.1;user=phone' }), { dialed: '+12025550203' });
  t.match(factsOf({ uri: 'tel:+1(202)555-0203' }), { dialed: '+12025550203' });
  t.match(
    factsOf({ uri: 'sip:trunk-user@198.51.100.1', to: '<sip:+12025550203@x>' }),
    { dialed: '+12025550203' },
    'To where the Request-URI holds none',
  );
  t.match(
    factsOf({
      uri: 'sip:trunk-user@198.51.100.1',
      headers: [['P-Called-Party-ID', '<sip:+12025550150@x>']],
    }),
    { dialed: '+12025550150' },
  );
  t.match(factsOf({ to: '<sip:+12025550150@x>' }, { did: ['to'] }), { dialed: '+12025550150' });
  const diverted = {
    uri: 'sip:x@y',
    headers: [['Diversion', '<sip:+12025550999@x>;reason=no-answer, <sip:+12025550150@x>;reason=busy']],
  } as const;
  t.match(factsOf(diverted, { did: ['request-uri', 'diversion'] }), {
    dialed: '+12025550150',
    divertedFrom: '+12025550999',
  });
  const history = {
    uri: 'sip:x@y',
    headers: [['History-Info', '<sip:+12025550150@x>;index=1, <sip:z@x>;index=1.1']],
  } as const;
  t.match(factsOf(history, { did: ['history-info'] }), { dialed: '+12025550150' });
  t.match(factsOf({ uri: 'sip:alice@198.51.100.1', to: '<sip:alice@x>' }), {
    dialed: 'alice',
    dialedRaw: 'alice',
  });
  t.match(factsOf({ uri: 'sip:198.51.100.1', to: '<sip:198.51.100.1>' }), { dialed: '', dialedRaw: '' });
  t.end();
});

t.test('who calls', (t) => {
  const asserted = [['P-Asserted-Identity', '"Carol" <sip:carol@x>, <tel:+13105550000>']] as const;
  t.match(factsOf({ headers: asserted }), {
    caller: '+13105550000',
    callerRaw: '+13105550000',
    callerName: 'Bob',
  });
  t.match(
    factsOf({ headers: asserted }, { callerId: { trust: false, header: 'p-asserted-identity' } }),
    { caller: '+12125550000', callerName: 'Bob' },
    'an assertion of one we do not trust is nothing',
  );
  t.match(
    factsOf(
      { headers: [['Remote-Party-ID', '<sip:+13105550001@x>;party=calling']] },
      { callerId: { trust: true, header: 'remote-party-id' } },
    ),
    { caller: '+13105550001' },
  );
  for (const parts of [
    { headers: [['Privacy', 'id;critical'] as const] },
    { from: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1' },
    { from: '<sip:Restricted@192.0.2.1>;tag=1' },
    { from: '<sip:192.0.2.1>;tag=1' },
  ]) {
    const facts = factsOf(parts);
    t.equal(facts.anonymous, true);
    t.equal(facts.caller, undefined);
    t.equal(facts.callerName, undefined);
  }
  t.equal(factsOf({ headers: [['Privacy', 'none']] }).anonymous, false);
  const odd = factsOf({ from: '"  \tEve\u0007 " <sip:eve@x>;tag=1' });
  t.same([odd.caller, odd.callerRaw, odd.callerName, odd.anonymous], [undefined, 'eve', 'Eve', false]);
  t.match(factsOf({ headers: [['P-Attestation-Indicator', 'A']] }), { attestation: 'A' });
  t.end();
});

t.test('the headers a plan may read are bounded and none of the transport’s', (t) => {
  const many = Array.from({ length: 60 }, (_, i) => [`X-Header-${i}`, 'v'.repeat(1000)] as const);
  const { headers } = factsOf({
    headers: [['X-Account', '42'], ['X-Account', '43'], ['__proto__', 'x'], ...many],
  });
  t.equal(headers['x-account'], '42');
  t.equal(Object.keys(headers).length, 32);
  t.equal(headers['x-header-0']?.length, 512);
  t.notOk(
    Object.keys(headers).some((name) => ['via', 'from', 'contact', 'call-id', '__proto__'].includes(name)),
  );
  t.same(factsOf({}).headers, {});
  t.end();
});

t.test('a PBX', (t) => {
  const pbx = trunk('hq-pbx', { kind: 'pbx', site: 'hq' });
  const from = (user: string, uri: string) =>
    admitted(
      router({ match: { kind: 'trunk', trunk: pbx, why: 'address' } }).routeCall(
        invite({ from: `<sip:${user}@10.0.0.1>;tag=1`, uri }),
        SOURCE,
      ),
    );
  t.match(from('210', 'sip:100@us').facts, {
    direction: 'internal',
    extension: '210',
    caller: '210',
    dialed: '100',
    site: 'hq',
  });
  t.match(from('210', 'sip:7-911@us'), {
    emergency: true,
    border: { emergency: true },
    facts: { dialed: '7911' },
  });
  t.match(
    from('+12025550100', 'sip:+13105550000@us').facts,
    { direction: 'internal', dialed: '+13105550000', caller: '+12025550100' },
    'a number that is none of ours is a user dialling out',
  );
  t.equal(from('+12025550100', 'sip:+13105550000@us').facts.extension, undefined);
  t.match(
    from('+12125550000', 'sip:2025550203@us').facts,
    { direction: 'inbound', dialed: '+12025550203' },
    'a DID of ours comes from outside',
  );
  t.match(
    from('201', 'sip:100@us').facts,
    { direction: 'internal', caller: undefined },
    '201 does not live there',
  );
  t.end();
});

t.test('devices', (t) => {
  const ann: DeviceDefinition = device('201');
  const calls = (parts: InviteParts) =>
    admitted(
      router({ match: { kind: 'none' }, authentication: { kind: 'ok', device: ann } }).routeCall(
        invite(parts),
        SOURCE,
      ),
    );
  const route = calls({ uri: 'sip:100@us.example', from: '"whoever" <sip:999@us>;tag=1' });
  t.match(route.facts, {
    direction: 'internal',
    extension: '201',
    device: '201',
    caller: '201',
    callerName: 'Ann Lee',
    callerRaw: '999',
    dialed: '100',
    site: 'hq',
  });
  t.equal(route.trunk, undefined);
  t.match(route.border.party, { kind: 'device', device: { name: '201' } });
  t.equal(calls({ uri: 'sip:911@us' }).emergency, true);
  t.equal(calls({ uri: 'sip:912@us' }).emergency, false);
  const hidden = calls({ uri: 'sip:100@us', headers: [['Privacy', 'id']] });
  t.match(hidden.facts, { anonymous: true, caller: undefined, extension: '201' });
  t.end();
});

t.test('who is not known by address', (t) => {
  t.same(
    router({
      match: { kind: 'none' },
      authentication: { kind: 'challenge', status: 401, headers: [['WWW-Authenticate', 'Digest x']] },
    }).routeCall(invite(), SOURCE),
    { kind: 'challenge', status: 401, headers: [['WWW-Authenticate', 'Digest x']] },
  );
  const refused = router({ match: { kind: 'none' }, border: border() }).routeCall(invite(), SOURCE);
  t.match(refused, {
    kind: 'refuse',
    status: 403,
    code: 'unknown-source',
    reason: /^wrong credentials; no trunk/,
  });
  t.equal(refused.kind === 'refuse' && refused.known, undefined);
  t.match(
    router({ match: { kind: 'none' } }).routeCall(invite(), SOURCE),
    { kind: 'refuse', status: 403, code: 'unknown-source' },
    'a border that only observes lets nobody in who has no way to go',
  );
  t.match(
    router({ match: { kind: 'none' }, authentication: { kind: 'trunk', trunk: 'acme' } }).routeCall(
      invite(),
      SOURCE,
    ),
    { kind: 'call', trunk: { name: 'acme' } },
  );
  t.match(
    router({ match: { kind: 'none' }, authentication: { kind: 'trunk', trunk: 'gone' } }).routeCall(
      invite(),
      SOURCE,
    ),
    { kind: 'refuse', reason: /no trunk gone/ },
  );
  t.match(
    router({
      match: { kind: 'none' },
      authentication: { kind: 'challenge', status: 401, headers: [] },
      border: border({ blockUserAgents: ['friendly-scanner'] }),
    }).routeCall(invite({ headers: [['User-Agent', 'Friendly-Scanner 1']] }), SOURCE),
    { kind: 'refuse', code: 'user-agent-blocked' },
    'whom the border refuses anyway is not even challenged',
  );
  t.end();
});

t.test('trunks that share an address', (t) => {
  const us = trunk('us');
  const de = trunk('de', { numbers: { ...NUMBERS, country: 'DE', receive: ['national'] } });
  const decide = (uri: string, trunks = [us, de]) =>
    router({ match: { kind: 'tie', trunks } }).routeCall(invite({ uri, to: '<sip:x@y>' }), SOURCE);
  t.match(decide('sip:+12025550203@us'), { kind: 'call', trunk: { name: 'us' } }, 'the DID breaks the tie');
  t.match(decide('sip:+13105550000@us'), { kind: 'refuse', reason: /us, de share this address/ });
  t.match(decide('sip:+12025550203@us', [us, trunk('us2')]), { kind: 'refuse', reason: /does not tell/ });
  t.end();
});

t.test('the border', (t) => {
  const blocked = router({ border: border({ blockCallers: ['+1212*'] }) }).routeCall(invite(), SOURCE);
  t.match(blocked, {
    kind: 'refuse',
    status: 603,
    code: 'caller-blocked',
    known: {
      revision: 7,
      facts: { dialed: '+12025550203' },
      trace: [{ kind: 'trunk' }, { kind: 'border', finding: { check: 'caller' } }],
    },
  });
  const observed = admitted(
    router({ border: border({ blockCallers: ['+1212*'], mode: 'observe' }) }).routeCall(invite(), SOURCE),
  );
  t.match(observed.trace[1], { kind: 'border', finding: { verdict: { observed: true } } });
  t.end();
});

t.test('a number that matches nothing ends in 404 with the nearest DID in the trace', (t) => {
  const route = admitted(router().routeCall(invite({ uri: 'sip:+12025550204@us' }), SOURCE));
  t.match(route.step.action, { kind: 'end', status: 404 });
  const entry = route.step.trace.find((one) => one.kind === 'no-rule');
  t.match(entry, { kind: 'no-rule', number: '+12025550204' });
  const bare = trunk('acme', { numbers: { ...NUMBERS, receive: ['short'] } });
  const near = admitted(
    router({ match: { kind: 'trunk', trunk: bare, why: '' } }).routeCall(
      invite({ uri: 'sip:12025550203@us' }),
      SOURCE,
    ),
  ).step.trace.find((one) => one.kind === 'no-rule');
  t.match(near, { number: '12025550203', near: /\+12025550203/ });
  t.end();
});

t.test('resume carries a call on by its own plan', (t) => {
  const one = router();
  const route = admitted(one.routeCall(invite({ uri: 'sip:+12025550150@us' }), SOURCE));
  t.match(route.step.action, { kind: 'connect' });
  const next = one.resume(route, route.step.state, { kind: 'failed', outcome: 'busy' });
  t.match(next.action, { kind: 'end', status: 486 });
  t.end();
});

t.test('explain', (t) => {
  t.test('drives an imagined call to its end', (t) => {
    const one = router({ border: border() });
    const answered = one.explainCall({ number: '(202) 555-0150', from: '+13105550000', trunk: 'acme' });
    t.match(answered, {
      decision: '+12025550150 is connected to 201',
      verdict: { kind: 'admit' },
      facts: { dialed: '+12025550150', caller: '+13105550000', trunk: 'acme' },
      steps: [{ verb: 'extension', value: '201', is: 'connected' }],
    });
    t.equal(answered.status, undefined);
    t.ok(answered.lines.some((line) => line.startsWith('border capacity: passed')));
    t.ok(
      answered.lines.some((line) => /not .*from/.test(line)),
      'the rival is named with why it gave way',
    );

    const refused = one.explainCall({ number: '+12025550150', from: '2125550666' });
    t.match(refused, { status: 603, decision: /refused with 603/ });

    const at = Date.UTC(2026, 10, 24, 15);
    t.match(one.explainCall({ number: '+12025550100', at }), {
      decision: /waits for the caller at menu: main/,
    });
    t.match(one.explainCall({ number: '+12025550100', at, press: ['1'] }), {
      decision: /is connected to 201/,
    });
    t.match(one.explainCall({ number: '+12025550100', at, press: ['hang-up'] }), {
      decision: /the caller leaves at/,
    });
    t.match(one.explainCall({ number: '+12025550100', at: at + 12 * 3_600_000 }), { status: 480 });
    t.end();
  });

  t.test('shows the border’s verdict without counting it', (t) => {
    const real = border({ blockCallers: ['+1900*'] });
    const one = router({ border: real });
    const refused = one.explainCall({ number: '+12025550203', from: '+19005550000', trunk: 'acme' });
    t.match(refused, {
      status: 603,
      verdict: { code: 'caller-blocked' },
      decision: /refused by the border with 603/,
    });
    t.equal(real.counters().size, 0);
    t.end();
  });

  t.test('from an extension, from a PBX, from a trunk that is not there', (t) => {
    const one = router({ border: border() });
    t.match(one.explainCall({ number: '7911', extension: '201' }), {
      facts: { direction: 'internal', extension: '201', site: 'hq' },
      sent: [{ trunk: 'acme', number: '911', callerId: '+12025550100' }],
    });
    t.match(one.explainCall({ number: '+13105550000', from: '210', trunk: 'hq-pbx' }), {
      facts: { direction: 'internal', extension: '210', caller: '210' },
      sent: [{ trunk: 'acme', number: '+13105550000' }],
    });
    const gone = one.explainCall({ number: '+12025550203', trunk: 'nope' });
    t.match(gone.trace[0], { kind: 'trunk', why: 'there is no trunk nope' });
    t.match(one.explainCall({ number: '+12025550203', from: 'anonymous' }).facts, { anonymous: true });
    t.match(one.explainCall({ number: '+12025550999' }), { status: 404 });
    t.end();
  });
  t.end();
});

function border(changes: Partial<BorderRules> = {}) {
  return createBorder({ ...RULES, ...changes }, [], {
    clock: createFakeClock(),
    logger: silentLogger,
    compileNumbers: (patterns) => {
      const read = patterns.map((one) => {
        const pattern = parsePattern(one);
        if ('error' in pattern) throw new Error(pattern.error);
        return pattern;
      });
      return (caller) => read.some((pattern) => matchesPattern(pattern, caller));
    },
    bans: { load: () => [], save: () => undefined, remove: () => undefined },
    onBansChanged: () => undefined,
  });
}
