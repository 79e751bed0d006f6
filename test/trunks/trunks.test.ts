import t from 'tap';
import { silentLogger } from '../../src/base/logger.js';
import { DEFAULT_RECEIVE_FORMS, DEFAULT_RETRY_ON, type TrunkSettings } from '../../src/model/index.js';
import { createTrunks, type OutboundRequest } from '../../src/trunks/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';

function trunk(name: string, changes: Partial<TrunkSettings> = {}): TrunkSettings {
  return {
    name,
    kind: 'carrier',
    from: [],
    to: [{ uri: 'sip:sbc.example.com', weight: 1, priority: 1 }],
    did: ['request-uri'],
    numbers: { country: 'US', areaCode: '202', receive: DEFAULT_RECEIVE_FORMS, send: '+e164' },
    callerId: { trust: true, header: 'p-asserted-identity' },
    limits: {},
    retryOn: DEFAULT_RETRY_ON,
    media: 'direct',
    tryTimeoutMs: 4000,
    rel100: 'supported',
    ...changes,
  };
}

function setUp(options: { names?: Record<string, string[]>; options?: () => number | undefined } = {}) {
  const clock = createFakeClock();
  let changes = 0;
  const trunks = createTrunks({
    clock,
    logger: silentLogger,
    domain: 'voice.example.com',
    resolve: (host) => Promise.resolve(options.names?.[host] ?? []),
    sendOptions: () => Promise.resolve(options.options?.()),
    onNetworksChanged: () => (changes += 1),
  });
  return { trunks, clock, changes: () => changes };
}

const sourceOf = (address: string) => ({ source: { address } });
const settle = () => new Promise((resolve) => setImmediate(resolve));

void t.test('a trunk is told by network or by any address of its name; a tie says so', async (t) => {
  const names = { 'sip.acme.example': ['192.0.2.1', '192.0.2.2', '2001:db8::1'] };
  const { trunks, clock, changes } = setUp({ names });
  await trunks.configure([
    trunk('acme', { from: ['sip.acme.example', '198.51.100.0/28'] }),
    trunk('beta', { from: ['198.51.100.5'] }),
    trunk('nobody'),
  ]);
  t.match(trunks.identify(sourceOf('192.0.2.2')), { kind: 'trunk', trunk: { name: 'acme' } });
  t.match(trunks.identify(sourceOf('2001:db8::1')), { kind: 'trunk', trunk: { name: 'acme' } });
  t.match(trunks.identify(sourceOf('198.51.100.1')), { kind: 'trunk', trunk: { name: 'acme' } });
  t.match(trunks.identify(sourceOf('198.51.100.5')), {
    kind: 'tie',
    trunks: [{ name: 'acme' }, { name: 'beta' }],
  });
  t.same(trunks.identify(sourceOf('203.0.113.1')), { kind: 'none' });
  t.equal(changes(), 1);
  names['sip.acme.example'] = ['192.0.2.9'];
  clock.advance(60_000);
  await settle();
  t.equal(trunks.identify(sourceOf('192.0.2.9')).kind, 'trunk', 'names are kept fresh');
  t.equal(trunks.identify(sourceOf('192.0.2.2')).kind, 'none');
  names['sip.acme.example'] = [];
  clock.advance(60_000);
  await settle();
  t.equal(
    trunks.identify(sourceOf('192.0.2.9')).kind,
    'trunk',
    'the last answer holds while the name is away',
  );
  trunks.stop();
});

void t.test('a login tells its trunk, as long as the trunk has it', async (t) => {
  const { trunks } = setUp();
  await trunks.configure([
    trunk('west', { digest: { username: 'carrier', password: 'secret' } }),
    trunk('east'),
  ]);
  t.same(trunks.byLogin('carrier'), { trunk: 'west', password: 'secret' });
  t.equal(trunks.byLogin('east'), undefined);
  await trunks.configure([trunk('west')]);
  t.equal(trunks.byLogin('carrier'), undefined);
  trunks.stop();
});

void t.test('destinations go by priority, then weight, those down last', async (t) => {
  const { trunks, clock } = setUp();
  await trunks.configure([
    trunk('acme', {
      to: [
        { uri: 'sip:c', weight: 1, priority: 2 },
        { uri: 'sip:a', weight: 3, priority: 1 },
        { uri: 'sip:b', weight: 1, priority: 1 },
      ],
    }),
  ]);
  const order = (draw: number) => trunks.destinations('acme', () => draw).map(({ uri }) => uri);
  t.same(order(0), ['sip:a', 'sip:b', 'sip:c']);
  t.same(order(0.9), ['sip:b', 'sip:a', 'sip:c']);
  for (let i = 0; i < 3; i++) trunks.noteResult('acme', 'sip:a', false);
  t.same(order(0), ['sip:b', 'sip:c', 'sip:a'], 'three attempts without an answer put it last');
  clock.advance(30_001);
  t.same(order(0), ['sip:a', 'sip:b', 'sip:c']);
  t.same(
    trunks.destinations('no-such', () => 0),
    [],
  );
});

void t.test('OPTIONS probes mark a destination down and up with hysteresis', async (t) => {
  let status: number | undefined = undefined;
  const { trunks, clock } = setUp({ options: () => status });
  await trunks.configure([trunk('acme', { probe: { everyMs: 30_000, downAfter: 3, upAfter: 2 } })]);
  const isDown = () => trunks.status()[0]!.destinations[0]!.down;
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      clock.advance(30_000);
      await settle();
    }
  };
  await rounds(2);
  t.equal(isDown(), false);
  await rounds(1);
  t.equal(isDown(), true);
  status = 404;
  await rounds(1);
  t.equal(isDown(), true);
  await rounds(1);
  t.equal(isDown(), false, 'any answer but 503 is an answer');
  trunks.stop();
  t.equal(clock.pending, 0);
});

void t.test("numbers and caller ID leave in the trunk's form, and nothing else does", (t) => {
  const { trunks } = setUp();
  const build = (changes: Partial<OutboundRequest>, settings: Partial<TrunkSettings> = {}) =>
    trunks.buildOutbound({
      trunk: trunk('acme', settings),
      destination: 'sip:sbc.example.com:5080;transport=tcp',
      number: '+12025550100',
      identity: { mode: 'keep', number: '+12125550000', name: 'Ann "A" Lee', anonymous: false },
      emergency: false,
      ...changes,
    });
  t.match(build({}), {
    kind: 'form',
    target: 'sip:+12025550100@sbc.example.com:5080;transport=tcp',
    from: { uri: 'sip:+12125550000@voice.example.com', display: 'Ann "A" Lee' },
    to: { uri: 'sip:+12025550100@sbc.example.com' },
    headers: [['P-Asserted-Identity', '"Ann \\"A\\" Lee" <sip:+12125550000@voice.example.com>']],
  });
  const national = { numbers: { ...trunk('x').numbers, send: 'national' as const } };
  t.match(build({}, national), { target: 'sip:2025550100@sbc.example.com:5080;transport=tcp' });
  t.match(build({ number: '911', emergency: true }, national), { target: /^sip:911@/ });
  t.match(build({ extension: '203' }), { target: /^sip:203@/ });
  const hidden = { identity: { mode: 'keep', number: '+12125550000', anonymous: true } } as const;
  t.match(build(hidden), {
    from: { uri: 'sip:anonymous@anonymous.invalid' },
    headers: [
      ['Privacy', 'id'],
      ['P-Asserted-Identity', '<sip:+12125550000@voice.example.com>'],
    ],
  });
  t.same(
    (build(hidden, { callerId: { trust: false, header: 'p-asserted-identity' } }) as { headers: unknown })
      .headers,
    [['Privacy', 'id']],
    'an identity to be kept private goes to trusted peers only (RFC 3325)',
  );
  t.match(build({ number: '' }), { kind: 'invalid-number' });
  t.match(
    build({ extension: 'a@evil.example>;x=' }),
    { target: /^sip:a%40evil\.example%3[eE]/ },
    'a number cannot break out',
  );
  t.end();
});
