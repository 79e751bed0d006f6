import { createServer } from 'node:http';
import t, { type Test } from 'tap';
import { requestBack, sdp, type Phone } from '../signalling/phone.js';
import { credentials, DOMAIN, openHouse, trunkTo, type House } from './house.js';

async function open(t: Test): Promise<House> {
  const house = await openHouse(t.testdir());
  t.teardown(() => house.stop());
  return house;
}

async function phones(house: House, count: number): Promise<Phone[]> {
  const all: Phone[] = [];
  for (let i = 0; i < count; i++) all.push(await house.phone());
  return all;
}

const LOCAL = trunkTo('local', [], { from: ['127.0.0.1/32'] });

t.test('several phones ring; the first to answer wins and the others are told so', async (t) => {
  const house = await open(t);
  const [carrier, first, second] = (await phones(house, 3)) as [Phone, Phone, Phone];
  await house.trunks([LOCAL]);
  house.plan(`
numbers:
  - { did: "+12025550100", route: { ring: ["201", "202"] } }
extensions:
  "201": { name: Ann Lee, password: secret-201 }
  "202": { name: Raj Rao, password: secret-202 }
`);
  await house.register(first, '201', 'secret-201');
  await house.register(second, '202', 'secret-202');
  const call = carrier.call({ to: '+12025550100', body: sdp(1) });
  const toFirst = await first.request('INVITE');
  const toSecond = await second.request('INVITE');
  t.equal(toFirst.uri, first.uri);
  t.match(toFirst.headers.get('To'), `<sip:201@${DOMAIN}>`);
  first.respond(toFirst, 180);
  second.respond(toSecond, 183, { body: sdp(9) });
  t.equal((await carrier.response(180)).body, '');
  second.respond(toSecond, 200, { body: sdp(2, 5000) });
  const ok = await carrier.response(200, 'INVITE');
  call.learn(ok).ack();
  await second.request('ACK');
  const cancel = await first.request('CANCEL');
  t.equal(cancel.headers.get('Reason'), 'SIP;cause=200;text="Call completed elsewhere"');
  first.respond(cancel, 200);
  first.respond(toFirst, 487);
  await first.request('ACK');
  requestBack(second, toSecond, 'BYE', 2);
  await second.response(200, 'BYE');
  carrier.respond(await carrier.request('BYE'), 200);
  t.same(await house.leftOver(), {});
  const { record, legs } = await house.record();
  t.match(record, { destination: '202', cause: { by: 'callee', kind: 'normal' } });
  t.match(legs.map((leg) => `${leg.target} ${leg.cause?.kind ?? ''}`).sort(), [
    '201 completed-elsewhere',
    '202 normal',
  ]);
});

t.test('two phones that answer together: one call is left', async (t) => {
  const house = await open(t);
  const [carrier, first, second] = (await phones(house, 3)) as [Phone, Phone, Phone];
  await house.trunks([LOCAL]);
  house.plan(`
numbers: [{ did: "+12025550100", route: { ring: ["201", "202"] } }]
extensions: { "201": { password: secret-201 }, "202": { password: secret-202 } }
`);
  await house.register(first, '201', 'secret-201');
  await house.register(second, '202', 'secret-202');
  const call = carrier.call({ to: '+12025550100', body: sdp(1) });
  const toFirst = await first.request('INVITE');
  const toSecond = await second.request('INVITE');
  first.respond(toFirst, 200, { body: sdp(2, 5000) });
  second.respond(toSecond, 200, { body: sdp(3, 6000) });
  const ok = await carrier.response(200, 'INVITE');
  call.learn(ok).ack();
  await first.request('ACK');
  await second.request('ACK');
  const loser = ok.body.includes('m=audio 5000 ') ? second : first;
  const winner = loser === first ? second : first;
  loser.respond(await loser.request('BYE'), 200);
  call.send('BYE');
  winner.respond(await winner.request('BYE'), 200);
  await carrier.response(200, 'BYE');
  t.same(await house.leftOver(), {});
});

t.test('failover to the next destination, by refusal and by silence', async (t) => {
  const house = await open(t);
  const [carrier, broken, silent, good] = (await phones(house, 4)) as [Phone, Phone, Phone, Phone];
  await house.trunks([
    LOCAL,
    trunkTo('acme', [broken.port, silent.port], { tryTimeoutMs: 200 }),
    trunkTo('backup', good.port),
  ]);
  house.plan('numbers: [{ did: "+12025550100", route: { trunk: [acme, backup], number: "+13105550000" } }]');
  const call = carrier.call({ to: '+12025550100', body: sdp(1) });
  const first = await broken.request('INVITE');
  t.equal(first.uri, `sip:+13105550000@127.0.0.1:${broken.port}`);
  broken.respond(first, 503);
  await broken.request('ACK');
  await silent.request('INVITE');
  const third = await good.request('INVITE');
  good.respond(third, 200, { body: sdp(2) });
  call.learn(await carrier.response(200, 'INVITE')).ack();
  await good.request('ACK');
  call.send('BYE');
  good.respond(await good.request('BYE'), 200);
  const { legs } = await house.record();
  t.match(
    legs.map((leg) => `${leg.sequence} ${leg.target} ${leg.cause?.kind ?? ''}`),
    [/^1 acme unreachable/, /^2 acme no-reply/, /^3 backup/],
  );
});

t.test('a busy extension, an unknown one, and nobody at home', async (t) => {
  const house = await open(t);
  const [carrier, pbx] = (await phones(house, 2)) as [Phone, Phone];
  await house.trunks([LOCAL, trunkTo('pbx', pbx.port, { kind: 'pbx' })]);
  house.plan(`
numbers:
  - { did: "+12025550203", route: { extension: "203" } }
  - { did: "+12025550204", route: { extension: "204" } }
  - { did: "+12025550205", route: [{ extension: "203", for: 1s, if-busy: { extension: "204" } }] }
extensions: { "203": { trunk: pbx }, "204": { password: secret-204 } }
`);
  await t.test('busy stays busy', async (t) => {
    const call = carrier.call({ to: '+12025550203', body: sdp(1) });
    const invite = await pbx.request('INVITE');
    pbx.respond(invite, 486);
    await pbx.request('ACK');
    const busy = await carrier.response(486);
    t.match(busy.headers.get('Reason'), /^Q\.850;cause=17/);
    call.learn(busy).ack();
    t.match((await house.record()).record.cause, { sip: 486, kind: 'busy', by: 'callee' });
  });
  await t.test('not registered is 480', async () => {
    const call = carrier.call({ to: '+12025550204', body: sdp(1) });
    call.learn(await carrier.response(480)).ack();
  });
  await t.test('no answer in time is 480, and the PBX gets CANCEL', async (t) => {
    const call = carrier.call({ to: '+12025550205', body: sdp(1) });
    const invite = await pbx.request('INVITE');
    pbx.respond(invite, 180);
    const cancel = await pbx.request('CANCEL');
    pbx.respond(cancel, 200);
    pbx.respond(invite, 487);
    call.learn(await carrier.response(480)).ack();
    t.match((await house.record()).record.cause, { sip: 480, kind: 'no-answer' });
  });
  await t.test('a DID nobody has is 404, and the record names the nearest', async (t) => {
    const call = carrier.call({ to: '12025550203x', body: sdp(1) });
    call.learn(await carrier.response(404)).ack();
    const { record } = await house.record();
    t.match(record, { dialedRaw: '12025550203x', cause: { sip: 404 } });
    t.match(record.trace, /no-rule/);
  });
  await t.test('a blocked caller is refused by the border', async (t) => {
    const call = carrier.call({
      to: '+12025550203',
      body: sdp(1),
      headers: [['P-Asserted-Identity', '<sip:+19005550000@x>']],
    });
    call.learn(await carrier.response(603)).ack();
    t.match((await house.record()).record, { cause: { kind: 'border', text: /^caller-blocked/ } });
  });
  t.same(await house.leftOver(), {});
});

t.test('a registered phone dials, after a challenge', async (t) => {
  const house = await open(t);
  const [phone, carrier] = (await phones(house, 2)) as [Phone, Phone];
  await house.trunks([trunkTo('acme', carrier.port, { from: ['198.51.100.1/32'] })]);
  house.plan(`
extensions: { "201": { name: Ann Lee, password: secret-201, caller-id: "+12025550100" } }
outbound: [{ to: "+*", via: [acme] }]
`);
  const call = phone.call({ to: '+13105550000', body: sdp(1) });
  const challenge = await phone.response(401);
  call.learn(challenge);
  call.ack();
  call.toTag = undefined;
  const uri = call.invite.uri;
  const wrong = credentials(challenge, 'INVITE', uri, '201', 'guessed');
  call.send('INVITE', { body: sdp(1), headers: [['Authorization', wrong]] });
  const refused = await phone.response(403);
  call.learn(refused).ack();
  call.toTag = undefined;
  call.send('INVITE', {
    body: sdp(1),
    headers: [['Authorization', credentials(challenge, 'INVITE', uri, '201', 'secret-201')]],
  });
  const invite = await carrier.request('INVITE');
  t.equal(invite.uri, `sip:+13105550000@127.0.0.1:${carrier.port}`);
  t.match(invite.headers.get('From'), new RegExp(`^"Ann Lee" <sip:\\+12025550100@${DOMAIN}>`));
  t.notOk(invite.headers.has('Authorization'));
  carrier.respond(invite, 200, { body: sdp(2) });
  call.learn(await phone.response(200, 'INVITE')).ack();
  await carrier.request('ACK');
  t.match((await house.record()).record, {
    direction: 'internal',
    extension: '201',
    dialed: '+13105550000',
    state: 'answered',
  });
  call.send('BYE');
  carrier.respond(await carrier.request('BYE'), 200);
  t.same(await house.leftOver(), {});
});

t.test('a trunk that leads back to us is not followed', async (t) => {
  const house = await open(t);
  const [carrier] = (await phones(house, 1)) as [Phone];
  await house.trunks([LOCAL, trunkTo('self', house.port)]);
  house.plan('numbers: [{ did: "+12025550100", route: { trunk: self } }]');
  const call = carrier.call({ to: '+12025550100', body: sdp(1) });
  const refused = await carrier.response(480);
  call.learn(refused).ack();
  t.same(await house.leftOver(), {});
  const { legs } = await house.record();
  t.match(legs, [{ target: 'self', cause: { kind: 'transport' } }]);
});

t.test('a webhook decides, and draining turns new calls away', async (t) => {
  const house = await open(t);
  const [carrier, pbx] = (await phones(house, 2)) as [Phone, Phone];
  const bodies: string[] = [];
  const hook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      response.end('{"steps":[{"extension":"203"}]}');
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  t.teardown(() => hook.close());
  const address = hook.address() as { port: number };
  await house.trunks([LOCAL, trunkTo('pbx', pbx.port, { kind: 'pbx' })]);
  house.plan(`
numbers: [{ did: "+12025550100", route: { webhook: "http://127.0.0.1:${address.port}/route", secret: key } }]
extensions: { "203": { trunk: pbx } }
`);
  const call = carrier.call({ to: '+12025550100', body: sdp(1) });
  const invite = await pbx.request('INVITE');
  t.match(bodies[0], /\+12025550100/);
  pbx.respond(invite, 200, { body: sdp(2) });
  call.learn(await carrier.response(200, 'INVITE')).ack();
  await pbx.request('ACK');
  const drained = house.calls.drain(10_000);
  const late = carrier.call({ to: '+12025550100', body: sdp(1) });
  const refused = await carrier.response(503);
  t.ok(refused.headers.has('Retry-After'));
  late.learn(refused).ack();
  call.send('BYE');
  pbx.respond(await pbx.request('BYE'), 200);
  await drained;
  t.same(await house.leftOver(), {});
});
