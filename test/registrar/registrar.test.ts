import { createHash } from 'node:crypto';
import t from 'tap';
import { randomHex } from '../../src/base/ids.js';
import { silentLogger } from '../../src/base/logger.js';
import { createRegistrar, type Binding, type RegistrarDeps } from '../../src/registrar/index.js';
import { parseChallenge, SipRequest } from '../../src/sip/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const REALM = 'voice.example.com';
const SOURCE = { address: '192.0.2.20', port: 40000, transport: 'udp', listener: 'udp/192.0.2.5:5060' };

function setUp(changes: Partial<RegistrarDeps> = {}) {
  const clock = createFakeClock();
  const saved = new Set<Binding>();
  const failures: string[] = [];
  const deps = {
    clock,
    logger: silentLogger,
    randomHex,
    realm: REALM,
    algorithms: ['SHA-256', 'MD5'] as const,
    device: (name: string) =>
      name === '201' || name === 'desk'
        ? { name, extension: '201', password: 'secret', hotDesk: false }
        : name === 'acme/201'
          ? { name, extension: 'acme/201', password: 'tenant', hotDesk: false, tenant: 'acme' }
          : undefined,
    trunkLogin: (username: string) =>
      username === 'carrier' ? { trunk: 'west', password: 'trunk-secret' } : undefined,
    store: {
      load: () => [...saved],
      save: (binding: Binding) => void saved.add(binding),
      remove: (binding: Binding) => void saved.delete(binding),
    },
    onFailure: (address: string) => void failures.push(address),
    ...changes,
  };
  const registrar = createRegistrar(deps);
  registrar.start();
  return { registrar, clock, failures, saved, deps };
}

type Headers = readonly (readonly [string, string])[];

let cseq = 0;

function register(contact: string | undefined, extra: Headers = [], to = '201'): SipRequest {
  const request = new SipRequest('REGISTER', `sip:${REALM}`);
  request.headers.add('From', `<sip:${to}@${REALM}>;tag=a`);
  request.headers.add('To', `<sip:${to}@${REALM}>`);
  request.headers.add('Call-ID', 'reg-1');
  request.headers.add('CSeq', `${++cseq} REGISTER`);
  if (contact !== undefined) request.headers.add('Contact', contact);
  for (const [name, value] of extra) request.headers.add(name, value);
  return request;
}

function credentials(
  challenge: Headers,
  changes: {
    algorithm?: string;
    user?: string;
    password?: string;
    nc?: string;
    nonce?: string;
    realm?: string;
  } = {},
): [string, string] {
  const algorithm = changes.algorithm ?? 'SHA-256';
  const offered = challenge
    .map(([, value]) => parseChallenge(value)!)
    .find(({ params }) => params.get('algorithm') === algorithm)!;
  const nonce = changes.nonce ?? offered.params.get('nonce')!;
  const user = changes.user ?? '201';
  const nc = changes.nc ?? '00000001';
  const realm = changes.realm ?? REALM;
  const hash = (text: string) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const ha1 = hash(`${user}:${realm}:${changes.password ?? 'secret'}`);
  const response = hash(`${ha1}:${nonce}:${nc}:abc:auth:${hash(`REGISTER:sip:${REALM}`)}`);
  return [
    'Authorization',
    `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="sip:${REALM}", response="${response}", algorithm=${algorithm}, cnonce="abc", qop=auth, nc=${nc}`,
  ];
}

void t.test('a device is challenged, SHA-256 first, and registers with either algorithm', (t) => {
  const { registrar } = setUp();
  const challenge = registrar.register(register('<sip:201@192.0.2.20>'), SOURCE);
  t.equal(challenge.status, 401);
  t.same(
    challenge.headers.map(([, value]) => parseChallenge(value)!.params.get('algorithm')),
    ['SHA-256', 'MD5'],
  );
  const answer = registrar.register(
    register('<sip:201@10.0.0.7:5060>', [
      credentials(challenge.headers),
      ['Expires', '600'],
      ['User-Agent', 'phone/1'],
    ]),
    SOURCE,
  );
  t.equal(answer.status, 200);
  t.same(answer.headers, [['Contact', '<sip:201@10.0.0.7:5060>;expires=600']]);
  t.match(registrar.bindingsOf('201'), [
    { contact: 'sip:201@10.0.0.7:5060', source: 'sip:192.0.2.20:40000;transport=udp', userAgent: 'phone/1' },
  ]);
  const second = registrar.register(register(undefined), SOURCE);
  const md5 = credentials(second.headers, { algorithm: 'MD5' });
  t.equal(registrar.register(register(undefined, [md5]), SOURCE).status, 200);
  t.end();
});

void t.test('a phone of a tenant says whose it is, in its name or by its domain', (t) => {
  const { registrar } = setUp();
  const { headers } = registrar.register(register(undefined), SOURCE);
  const slash = credentials(headers, { user: 'acme/201', password: 'tenant' });
  t.equal(registrar.register(register('<sip:a@10.0.0.1>', [slash], 'acme/201'), SOURCE).status, 200);
  t.match(registrar.bindingsOf('acme/201'), [{ contact: 'sip:a@10.0.0.1', extension: 'acme/201' }]);
  const byDomain = (password: string, nc: string) => {
    const request = register('<sip:b@10.0.0.2>', [credentials(headers, { password, nc })]);
    request.headers.set('From', `<sip:201@acme.${REALM}>;tag=a`);
    request.headers.set('To', `<sip:201@acme.${REALM}>`);
    return registrar.register(request, SOURCE).status;
  };
  t.equal(byDomain('secret', '00000002'), 403, 'the password of its namesake does not fit');
  t.equal(byDomain('tenant', '00000002'), 200);
  t.equal(registrar.bindingsOf('acme/201').length, 2);
  t.equal(registrar.bindingsOf('201').length, 0);
  t.end();
});

void t.test('a trunk proves itself by digest when it calls, and registers nowhere', (t) => {
  const { registrar, failures } = setUp();
  const invite = (extra: Headers = []): SipRequest => {
    const request = register(undefined, extra, '+12025550100');
    request.method = 'REGISTER';
    return request;
  };
  const challenge = registrar.authenticateInvite(invite(), SOURCE);
  if (challenge.kind !== 'challenge') throw new Error(challenge.kind);
  t.same(
    challenge.headers.map(([, value]) => parseChallenge(value)!.params.get('algorithm')),
    ['SHA-256', 'MD5'],
  );
  for (const [algorithm, nc] of [
    ['SHA-256', '00000001'],
    ['MD5', '00000001'],
  ] as const) {
    const login = registrar.authenticateInvite(invite(), SOURCE);
    if (login.kind !== 'challenge') throw new Error(login.kind);
    const right = credentials(login.headers, { user: 'carrier', password: 'trunk-secret', algorithm, nc });
    t.same(registrar.authenticateInvite(invite([right]), SOURCE), { kind: 'trunk', trunk: 'west' });
  }
  const wrong = credentials(challenge.headers, { user: 'carrier', password: 'guess' });
  t.same(registrar.authenticateInvite(invite([wrong]), SOURCE), { kind: 'failed' });
  t.equal(failures.length, 1);
  const registers = credentials(challenge.headers, { user: 'carrier', password: 'trunk-secret' });
  t.equal(registrar.register(register('<sip:x@10.0.0.1>', [registers]), SOURCE).status, 403);
  t.end();
});

void t.test('phones behind a NAT are asked every so often, the others are left alone', async (t) => {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  let everyMs = 30_000;
  const { registrar, clock } = setUp({
    natKeepAlive: {
      everyMs: () => everyMs,
      send: ({ contact }) => {
        asked.push(contact);
        return new Promise((resolve) => answers.push(resolve));
      },
    },
  });
  const bind = (contact: string, source: object = {}, expires = '600') => {
    const { headers } = registrar.register(register(undefined), SOURCE);
    const answer = registrar.register(register(contact, [credentials(headers), ['Expires', expires]]), {
      ...SOURCE,
      ...source,
    });
    t.equal(answer.status, 200);
  };
  bind('<sip:nat@10.0.0.7:5060>');
  bind('<sip:open@192.0.2.20:40000>');
  bind('<sip:tcp@10.0.0.8:5060>', { transport: 'tcp' });
  clock.advance(29_000);
  t.same(asked, []);
  clock.advance(3000);
  t.same(asked, ['sip:nat@10.0.0.7:5060']);
  clock.advance(120_000);
  t.equal(asked.length, 1, 'no second one while the first is under way');
  answers[0]!();
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  clock.advance(2000);
  t.equal(asked.length, 2);
  answers[1]!();
  await Promise.resolve();
  const { headers } = registrar.register(register(undefined), SOURCE);
  registrar.register(register('*', [credentials(headers), ['Expires', '0']]), SOURCE);
  clock.advance(60_000);
  t.equal(asked.length, 2, 'none once it has gone');
  bind('<sip:nat@10.0.0.7:5060>');
  everyMs = 0;
  clock.advance(60_000);
  t.equal(asked.length, 2, 'none when switched off');
  registrar.stop();
  t.end();
});

void t.test('unknown names and wrong passwords get the same answer and count as failures', (t) => {
  const { registrar, failures } = setUp();
  const { headers } = registrar.register(register('<sip:x@192.0.2.20>'), SOURCE);
  const wrong = registrar.register(
    register('<sip:x@192.0.2.20>', [credentials(headers, { password: 'guess' })]),
    SOURCE,
  );
  const unknown = registrar.register(
    register('<sip:x@192.0.2.20>', [credentials(headers, { user: '999' })], '999'),
    SOURCE,
  );
  t.same(wrong, unknown);
  t.equal(wrong.status, 403);
  t.same(failures, ['192.0.2.20', '192.0.2.20']);
  t.equal(registrar.list().length, 0);
  const foreign = registrar.register(
    register('<sip:x@192.0.2.20>', [credentials(headers, { realm: 'other' })]),
    SOURCE,
  );
  t.equal(foreign.status, 401, 'credentials for another realm are none');
  t.equal(failures.length, 2);
  t.end();
});

void t.test(
  'only who received the nonce is judged: nobody else is counted, or learns whether a password is right',
  (t) => {
    const { registrar, failures } = setUp();
    const { headers } = registrar.register(register('<sip:x@192.0.2.20>'), SOURCE);
    const elsewhere = { ...SOURCE, address: '192.0.2.99' };
    for (const changes of [{ password: 'guess' }, {}, { nonce: 'f'.repeat(52), password: 'guess' }]) {
      const answer = registrar.register(
        register('<sip:x@192.0.2.20>', [credentials(headers, changes)]),
        elsewhere,
      );
      t.equal(answer.status, 401);
      t.match(answer.headers[0]![1], /stale=true/, 'a phone that moved tries again');
    }
    t.same(failures, [], 'a forged source gets nobody banned');
    t.end();
  },
);

void t.test('where phones are is known by address, until the last has gone', (t) => {
  const { registrar } = setUp();
  const { headers } = registrar.register(register(undefined), SOURCE);
  let nc = 0;
  const send = (contact: string, extra: Headers = []) =>
    registrar.register(
      register(contact, [credentials(headers, { nc: (++nc).toString(16).padStart(8, '0') }), ...extra]),
      SOURCE,
    );
  t.notOk(registrar.isHome(SOURCE.address));
  send('<sip:201@10.0.0.7>, <sip:201@10.0.0.8>');
  send('<sip:201@10.0.0.7>');
  t.ok(registrar.isHome(SOURCE.address));
  send('<sip:201@10.0.0.7>;expires=0');
  t.ok(registrar.isHome(SOURCE.address));
  send('<sip:201@10.0.0.8>;expires=0');
  t.notOk(registrar.isHome(SOURCE.address));
  t.end();
});

void t.test('a nonce is refused when replayed, forged or old, as stale', (t) => {
  const { registrar, clock } = setUp();
  const { headers } = registrar.register(register(undefined), SOURCE);
  t.equal(registrar.register(register(undefined, [credentials(headers)]), SOURCE).status, 200);
  const replay = registrar.register(register(undefined, [credentials(headers)]), SOURCE);
  t.equal(replay.status, 401);
  t.match(replay.headers[0]![1], /stale=true/);
  t.equal(
    registrar.register(register(undefined, [credentials(headers, { nc: '00000002' })]), SOURCE).status,
    200,
  );
  t.equal(
    registrar.register(register(undefined, [credentials(headers, { nonce: 'f'.repeat(52) })]), SOURCE).status,
    401,
  );
  clock.advance(300_001);
  t.equal(
    registrar.register(register(undefined, [credentials(headers, { nc: '00000003' })]), SOURCE).status,
    401,
  );
  t.end();
});

void t.test(
  'bindings: several contacts, removal, too brief, expiry, Path, instance, order of requests',
  (t) => {
    const { registrar, clock } = setUp();
    const { headers } = registrar.register(register(undefined), SOURCE);
    let nc = 0;
    const send = (contact: string | undefined, extra: Headers = [], to = '201') =>
      registrar.register(
        register(contact, [credentials(headers, { nc: (++nc).toString(16).padStart(8, '0') }), ...extra], to),
        SOURCE,
      );
    t.equal(send('<sip:201@10.0.0.7>, <sip:201@10.0.0.8>;expires=120').status, 200);
    t.equal(registrar.bindingsOf('201').length, 2);
    t.same(send('<sip:201@10.0.0.9>;expires=10'), { status: 423, headers: [['Min-Expires', '60']] });
    t.equal(send('<sip:201@10.0.0.8>;expires=0').status, 200);
    t.same(
      registrar.bindingsOf('201').map(({ contact }) => contact),
      ['sip:201@10.0.0.7'],
    );
    t.equal(send('*').status, 400, '* needs Expires: 0');
    t.equal(send('*', [['Expires', '0']]).status, 200);
    t.equal(registrar.bindingsOf('201').length, 0);
    t.equal(send('<sip:202@10.0.0.7>', [], '202').status, 403, "nobody registers in another's name");
    send('<sip:201@10.0.0.7>;+sip.instance="<urn:uuid:1>"', [['Path', '<sip:edge.example.com;lr>']]);
    send('<sip:201@10.0.0.99>;+sip.instance="<urn:uuid:1>"', [['Path', '<sip:edge.example.com;lr>']]);
    t.match(registrar.bindingsOf('201'), [
      { contact: 'sip:201@10.0.0.99', path: ['<sip:edge.example.com;lr>'] },
    ]);
    cseq -= 2;
    t.equal(
      send('<sip:201@10.0.0.99>;+sip.instance="<urn:uuid:1>"').status,
      500,
      'an older request changes nothing',
    );
    cseq += 2;
    clock.advance(3_600_000);
    t.equal(registrar.bindingsOf('201').length, 0);
    t.end();
  },
);

void t.test('a phone cannot fill the memory, and bindings outlive a restart', (t) => {
  const { registrar, deps } = setUp();
  const { headers } = registrar.register(register(undefined), SOURCE);
  const statuses: number[] = [];
  for (let i = 1; i <= 12; i++) {
    const auth = credentials(headers, { nc: i.toString(16).padStart(8, '0') });
    statuses.push(registrar.register(register(`<sip:201@10.0.1.${i}>`, [auth]), SOURCE).status);
  }
  t.same(statuses.slice(9), [200, 403, 403]);
  const again = createRegistrar(deps);
  again.start();
  t.equal(again.bindingsOf('201').length, 10);
  again.stop();
  t.end();
});
