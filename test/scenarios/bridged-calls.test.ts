import t, { type Test } from 'tap';
import type { SipRequest } from '../../src/sip/index.js';
import { requestBack, sdp, type OutCall, type Phone } from '../signalling/phone.js';
import { DOMAIN, openHouse, trunkTo, type House } from './house.js';

const PLAN = `
numbers:
  - { did: "+12025550200..+12025550299", route: { extension: { dnis: 3 } } }
extensions:
  "203..299": { trunk: pbx }
`;

interface Scene {
  readonly house: House;
  readonly carrier: Phone;
  readonly pbx: Phone;
}

async function scene(t: Test, pbxChanges = {}, inChanges = {}): Promise<Scene> {
  const house = await openHouse(t.testdir());
  t.teardown(() => house.stop());
  const carrier = await house.phone();
  const pbx = await house.phone();
  await house.trunks([
    trunkTo('local', [], { from: ['127.0.0.1/32'], ...inChanges }),
    trunkTo('pbx', pbx.port, { kind: 'pbx', ...pbxChanges }),
  ]);
  house.plan(PLAN);
  return { house, carrier, pbx };
}

interface Established {
  readonly call: OutCall;
  readonly invite: SipRequest;
}

async function establish({ carrier, pbx }: Scene): Promise<Established> {
  const call = carrier.call({ to: '+12025550203', body: sdp(1) });
  const invite = await pbx.request('INVITE');
  pbx.respond(invite, 180);
  await carrier.response(180);
  pbx.respond(invite, 200, { body: sdp(2, 5000) });
  const ok = await carrier.response(200, 'INVITE');
  call.learn(ok).ack();
  await pbx.request('ACK');
  return { call, invite };
}

/** A description without its origin, which each leg has of its own. */
function media(description: string): string {
  return description.replace(/^o=.*\r\n/m, '');
}

t.test('a carrier’s call to a DID reaches the extension on the PBX', async (t) => {
  const s = await scene(t);
  const call = s.carrier.call({
    to: '+12025550203',
    body: sdp(1),
    headers: [
      ['User-Agent', 'carrier-secret'],
      ['X-Carrier', 'secret'],
    ],
  });
  const invite = await s.pbx.request('INVITE');
  t.equal(invite.uri, `sip:203@127.0.0.1:${s.pbx.port}`);
  t.equal(media(invite.body), media(sdp(1)));
  t.match(invite.headers.get('From'), new RegExp(`^"Caller" <sip:\\+12025550199@${DOMAIN}>;tag=`));
  t.not(invite.callId, call.callId);
  t.equal(invite.headers.getAll('Via').length, 1);
  t.equal(invite.headers.get('Max-Forwards'), '69');
  t.notMatch(invite.serialize(), new RegExp(`secret|${call.fromTag}|127\\.0\\.0\\.1:${s.carrier.port}`));

  s.pbx.respond(invite, 180, { headers: [['Server', 'pbx-secret']] });
  const ringing = await s.carrier.response(180);
  s.pbx.respond(invite, 200, { body: sdp(2, 5000), headers: [['Server', 'pbx-secret']] });
  const ok = await s.carrier.response(200, 'INVITE');
  t.equal(media(ok.body), media(sdp(2, 5000)));
  t.equal(ok.toTag, ringing.toTag);
  t.notMatch(ok.serialize(), new RegExp(`pbx-secret|127\\.0\\.0\\.1:${s.pbx.port}`));
  call.learn(ok).ack();
  await s.pbx.request('ACK');
  t.match(s.house.calls.list(), [{ dialed: '+12025550203', destination: '203', legs: 2 }]);

  call.send('BYE', { headers: [['Reason', 'Q.850;cause=16']] });
  await s.carrier.response(200, 'BYE');
  const bye = await s.pbx.request('BYE');
  t.match(bye.headers.get('Reason'), /^Q\.850;cause=16/);
  s.pbx.respond(bye, 200);
  t.same(await s.house.leftOver(), {});
  const { record, legs } = await s.house.record();
  t.match(record, {
    state: 'ended',
    trunk: 'local',
    dialed: '+12025550203',
    did: '+12025550203',
    caller: '+12025550199',
    codecs: 'PCMU,PCMA',
    destination: '203',
    cause: { sip: 200, q850: 16, by: 'caller', kind: 'normal' },
    rule: /^main\.yaml:3/,
    lastStep: /^extension main\.yaml:3/,
  });
  t.ok(record.pddMs !== undefined && record.pddMs < 500);
  t.match(legs, [
    { sequence: 1, target: 'pbx', number: '203', sipCallId: invite.callId, cause: { by: 'caller' } },
  ]);
});

t.test('either side may hang up', async (t) => {
  const s = await scene(t);
  const { call, invite } = await establish(s);
  requestBack(s.pbx, invite, 'BYE', 2, { headers: [['Reason', 'Q.850;cause=31;text="pbx-secret"']] });
  await s.pbx.response(200, 'BYE');
  const bye = await s.carrier.request('BYE');
  t.match(bye.headers.get('Reason'), /^Q\.850;cause=31/);
  t.notMatch(bye.serialize(), /pbx-secret/);
  s.carrier.respond(bye, 200);
  t.equal(bye.toTag, call.fromTag);
  t.same(await s.house.leftOver(), {});
  t.match((await s.house.record()).record.cause, { by: 'callee', q850: 31, kind: 'normal' });
});

t.test('a callee that hangs up before the caller’s ACK', async (t) => {
  const s = await scene(t);
  const call = s.carrier.call({ to: '+12025550203', body: sdp(1) });
  const invite = await s.pbx.request('INVITE');
  s.pbx.respond(invite, 200, { body: sdp(2) });
  const ok = await s.carrier.response(200, 'INVITE');
  await s.pbx.request('ACK');
  requestBack(s.pbx, invite, 'BYE', 2);
  await s.pbx.response(200, 'BYE');
  t.notOk(
    s.carrier.received.some((one) => one.kind === 'request'),
    'no BYE before the ACK',
  );
  call.learn(ok).ack();
  s.carrier.respond(await s.carrier.request('BYE'), 200);
  t.same(await s.house.leftOver(), {});
});

t.test('CANCEL', async (t) => {
  await t.test('while it rings', async (t) => {
    const s = await scene(t);
    const call = s.carrier.call({ to: '+12025550203', body: sdp(1) });
    const invite = await s.pbx.request('INVITE');
    s.pbx.respond(invite, 180);
    await s.carrier.response(180);
    call.cancel();
    await s.carrier.response(200, 'CANCEL');
    call.learn(await s.carrier.response(487, 'INVITE'));
    const cancel = await s.pbx.request('CANCEL');
    s.pbx.respond(cancel, 200);
    s.pbx.respond(invite, 487);
    await s.pbx.request('ACK');
    t.same(await s.house.leftOver(), {});
    t.match((await s.house.record()).record, { cause: { sip: 487, by: 'caller', kind: 'cancelled' } });
  });

  await t.test('that crosses the callee’s 200: the callee gets ACK and BYE', async (t) => {
    const s = await scene(t);
    const call = s.carrier.call({ to: '+12025550203', body: sdp(1) });
    const invite = await s.pbx.request('INVITE');
    s.pbx.respond(invite, 180);
    await s.carrier.response(180);
    call.cancel();
    const cancel = await s.pbx.request('CANCEL');
    s.pbx.respond(invite, 200, { body: sdp(2) });
    s.pbx.respond(cancel, 200);
    await s.pbx.request('ACK');
    s.pbx.respond(await s.pbx.request('BYE'), 200);
    await s.carrier.response(487, 'INVITE');
    t.same(await s.house.leftOver(), {});
  });
});

t.test('changes and requests within the call', async (t) => {
  const s = await scene(t);
  const { call, invite } = await establish(s);

  await t.test('hold by re-INVITE from the caller', async (t) => {
    call.send('INVITE', { body: sdp(3, 4000, 'sendonly') });
    const hold = await s.pbx.request('INVITE');
    t.equal(media(hold.body), media(sdp(3, 4000, 'sendonly')));
    s.pbx.respond(hold, 200, { body: sdp(4, 5000, 'recvonly') });
    const ok = await s.carrier.response(200, 'INVITE');
    t.equal(media(ok.body), media(sdp(4, 5000, 'recvonly')));
    call.ack();
    await s.pbx.request('ACK');
  });

  await t.test('a refused change leaves the call as it was', async (t) => {
    call.send('INVITE', { body: sdp(5) });
    const change = await s.pbx.request('INVITE');
    s.pbx.respond(change, 488);
    await s.pbx.request('ACK');
    const refused = await s.carrier.response(488, 'INVITE');
    t.equal(refused.status, 488);
    call.ack();
    t.equal(s.house.calls.size, 1);
  });

  await t.test('INFO with a body', async (t) => {
    const body = 'Signal=5\r\nDuration=160\r\n';
    requestBack(s.pbx, invite, 'INFO', 2, { headers: [['Content-Type', 'application/dtmf-relay']], body });
    const info = await s.carrier.request('INFO');
    t.equal(info.body, body);
    t.equal(info.headers.get('Content-Type'), 'application/dtmf-relay');
    s.carrier.respond(info, 200);
    await s.pbx.response(200, 'INFO');
  });

  await t.test('REFER is not served where no media engine runs', async () => {
    requestBack(s.pbx, invite, 'REFER', 3, { headers: [['Refer-To', '<sip:x@y>']] });
    await s.pbx.response(501, 'REFER');
  });

  call.send('BYE');
  s.pbx.respond(await s.pbx.request('BYE'), 200);
  t.same(await s.house.leftOver(), {});
});

t.test('delayed offer: the callee’s offer in the 200, the caller’s answer in the ACK', async (t) => {
  const s = await scene(t);
  const call = s.carrier.call({ to: '+12025550203' });
  const invite = await s.pbx.request('INVITE');
  t.equal(invite.body, '');
  s.pbx.respond(invite, 200, { body: sdp(2, 5000) });
  const ok = await s.carrier.response(200, 'INVITE');
  t.equal(media(ok.body), media(sdp(2, 5000)));
  call.learn(ok).ack({ body: sdp(1, 4000) });
  const ack = await s.pbx.request('ACK');
  t.equal(media(ack.body), media(sdp(1, 4000)));
  call.send('BYE');
  s.pbx.respond(await s.pbx.request('BYE'), 200);
  t.same(await s.house.leftOver(), {});
});

t.test('early media with 100rel on both legs, each for itself', async (t) => {
  const s = await scene(t);
  const call = s.carrier.call({ to: '+12025550203', body: sdp(1), headers: [['Supported', '100rel']] });
  const invite = await s.pbx.request('INVITE');
  t.match(invite.headers.get('Supported'), /100rel/);
  const reliable = (rseq: number) =>
    [
      ['Require', '100rel'],
      ['RSeq', String(rseq)],
    ] as const;
  s.pbx.respond(invite, 183, { body: sdp(2, 5000), headers: reliable(71) });
  const prack = await s.pbx.request('PRACK');
  t.equal(prack.headers.get('RAck'), `71 ${invite.cseq.seq} INVITE`);
  s.pbx.respond(prack, 200);
  const progress = await s.carrier.response(183);
  t.equal(media(progress.body), media(sdp(2, 5000)));
  t.match(progress.headers.get('Require'), /100rel/);
  call.learn(progress).send('PRACK', { headers: [['RAck', `${progress.headers.get('RSeq')!} 1 INVITE`]] });
  await s.carrier.response(200, 'PRACK');
  s.pbx.respond(invite, 200, { body: sdp(2, 5000) });
  const ok = await s.carrier.response(200, 'INVITE');
  t.equal(media(ok.body), media(sdp(2, 5000)));
  call.cseq = 1;
  call.learn(ok).ack();
  await s.pbx.request('ACK');
  call.cseq = 2;
  call.send('BYE');
  s.pbx.respond(await s.pbx.request('BYE'), 200);
  t.same(await s.house.leftOver(), {});
});

t.test('forks behind the PBX: the last early media wins, and one dialog is left', async (t) => {
  const s = await scene(t);
  const call = s.carrier.call({ to: '+12025550203', body: sdp(1) });
  const invite = await s.pbx.request('INVITE');
  s.pbx.respond(invite, 183, { body: sdp(2, 5000), tag: 'fork-a' });
  t.equal(media((await s.carrier.response(183)).body), media(sdp(2, 5000)));
  s.pbx.respond(invite, 183, { body: sdp(3, 6000), tag: 'fork-b' });
  s.pbx.respond(invite, 200, { body: sdp(3, 6000), tag: 'fork-b' });
  const ok = await s.carrier.response(200, 'INVITE');
  t.equal(media(ok.body), media(sdp(3, 6000)));
  call.learn(ok).ack();
  await s.pbx.request('ACK');
  call.send('BYE');
  const bye = await s.pbx.request('BYE');
  t.equal(bye.toTag, 'fork-b');
  s.pbx.respond(bye, 200);
  t.same(await s.house.leftOver(), {});
});

t.test('session timers are agreed for each leg', async (t) => {
  const s = await scene(t, { sessionTimerMs: 1_800_000 }, { sessionTimerMs: 600_000 });
  const call = s.carrier.call({
    to: '+12025550203',
    body: sdp(1),
    headers: [
      ['Supported', 'timer'],
      ['Session-Expires', '3600;refresher=uac'],
    ],
  });
  const invite = await s.pbx.request('INVITE');
  t.match(invite.headers.get('Session-Expires'), /^1800/);
  s.pbx.respond(invite, 422, { headers: [['Min-SE', '2400']] });
  await s.pbx.request('ACK');
  const again = await s.pbx.request('INVITE');
  t.match(again.headers.get('Session-Expires'), /^2400/);
  s.pbx.respond(again, 200, {
    body: sdp(2),
    headers: [
      ['Session-Expires', '2400;refresher=uac'],
      ['Require', 'timer'],
    ],
  });
  const ok = await s.carrier.response(200, 'INVITE');
  t.match(ok.headers.get('Session-Expires'), /^600;refresher=uac/);
  call.learn(ok).ack();
  await s.pbx.request('ACK');
  call.send('BYE');
  s.pbx.respond(await s.pbx.request('BYE'), 200);
  t.same(await s.house.leftOver(), {});
});
