import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import type { MediaParts } from '../../src/calls/index.js';
import { createAudioCache, createEmbeddedEngine, type MediaEngine } from '../../src/media/index.js';
import type { SipRequest } from '../../src/sip/index.js';
import { requestBack, sdp, type OutCall, type Phone } from '../signalling/phone.js';
import { openHouse, trunkTo, type House } from './house.js';

const PLAN = `
numbers:
  - { did: "+12025550100", route: { extension: "201" } }
  - { did: "+12025550102", route: { extension: "202" } }
extensions:
  "201": { name: Ann Lee, password: secret-201 }
  "202": { name: Raj Rao, password: secret-202 }
`;

interface Scene {
  readonly house: House;
  readonly engine: MediaEngine;
  readonly carrier: Phone;
  readonly ann: Phone;
  readonly raj: Phone;
}

/** A house whose media runs through the embedded engine. */
async function scene(t: Test): Promise<Scene> {
  const engine = createEmbeddedEngine(
    { ports: { min: 41_000, max: 41_399 } },
    {
      clock: systemClock,
      logger: silentLogger,
      random: Math.random,
      cache: createAudioCache({ maxBytes: 1_000_000 }),
    },
  );
  await engine.start();
  const media = {
    engine,
    prompts: { resolve: () => Promise.resolve([]) },
    announcements: { announcementFor: () => undefined },
    address: () => ({ address: '127.0.0.1' }),
    settings: () => ({
      extensions: 'relay' as const,
      rtpTimeoutMs: 60_000,
      language: 'en',
      holdMusic: 'none.wav',
      recordings: '/nowhere',
    }),
  } as unknown as MediaParts;
  const house = await openHouse(t.testdir(), { media });
  t.teardown(async () => {
    await house.stop();
    await engine.stop();
  });
  const [carrier, ann, raj] = [await house.phone(), await house.phone(), await house.phone()];
  await house.trunks([trunkTo('local', [], { from: ['127.0.0.1/32'] })]);
  house.plan(PLAN);
  await house.register(ann, '201', 'secret-201');
  await house.register(raj, '202', 'secret-202');
  return { house, engine, carrier, ann, raj };
}

interface Talk {
  readonly call: OutCall;
  readonly invite: SipRequest;
  /** Where our media for the caller is. */
  readonly port: number;
}

async function talk(
  { carrier }: Scene,
  to: string,
  phone: Phone,
  ports: { caller?: number; phone?: number } = {},
): Promise<Talk> {
  const call = carrier.call({ to, body: sdp(1, ports.caller) });
  const invite = await phone.request('INVITE');
  phone.respond(invite, 200, { body: sdp(2, ports.phone ?? 5000) });
  await phone.request('ACK');
  const ok = await carrier.response(200, 'INVITE');
  call.learn(ok).ack();
  return { call, invite, port: Number(/^m=audio (\d+)/m.exec(ok.body)![1]) };
}

/** Takes a NOTIFY of the transfer, and says its first line. */
async function notified(phone: Phone): Promise<string> {
  const notify = await phone.request('NOTIFY');
  phone.respond(notify, 200);
  return notify.body.trim();
}

async function hungUp(phone: Phone): Promise<void> {
  phone.respond(await phone.request('BYE'), 200);
}

async function mediaSocket(t: Test): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.teardown(() => socket.close());
  return { socket, port: socket.address().port };
}

/** Talks until the other one hears this very voice; false: never. */
async function isHeard(from: Socket, port: number, to: Socket): Promise<boolean> {
  const heard: Buffer[] = [];
  const voice = 0x2a;
  const listen = (packet: Buffer): void => {
    if (packet.length === 172 && packet.subarray(12).every((byte) => byte === voice)) heard.push(packet);
  };
  to.on('message', listen);
  for (let sequence = 1; sequence < 150 && heard.length === 0; sequence++) {
    const packet = Buffer.alloc(172, voice);
    packet.writeUInt16BE(0x8000, 0);
    packet.writeUInt16BE(sequence, 2);
    packet.writeUInt32BE(sequence * 160, 4);
    packet.writeUInt32BE(0x1234_5678, 8);
    from.send(packet, port, '127.0.0.1');
    await pause(20);
  }
  to.off('message', listen);
  return heard.length > 0;
}

t.test('a phone sends its caller on, who is heard by the new one', async (t) => {
  const s = await scene(t);
  const [caller, target] = [await mediaSocket(t), await mediaSocket(t)];
  const { call, invite, port } = await talk(s, '+12025550100', s.ann, { caller: caller.port });
  requestBack(s.ann, invite, 'REFER', 2, { headers: [['Refer-To', '<sip:202@voice.example>']] });
  await s.ann.response(202, 'REFER');
  t.equal(await notified(s.ann), 'SIP/2.0 100 Trying');
  const offered = await s.raj.request('INVITE');
  t.match(offered.headers.get('From'), 'sip:+12025550199@');
  s.raj.respond(offered, 180);
  t.equal(await notified(s.ann), 'SIP/2.0 180 Ringing');
  s.raj.respond(offered, 200, { body: sdp(3, target.port) });
  await s.raj.request('ACK');
  t.equal(await notified(s.ann), 'SIP/2.0 200 OK');
  await hungUp(s.ann);
  t.ok(await isHeard(caller.socket, port, target.socket));
  call.send('BYE');
  await hungUp(s.raj);
  t.same(await s.house.leftOver(), {});
  const { record, legs } = await s.house.record();
  t.match(record, { destination: '202', cause: { by: 'caller' } });
  t.match(record.trace, /transferred to 202 by 201/);
  t.match(
    legs.map(({ target: name, cause }) => [name, cause?.kind]),
    [
      ['201', 'transferred'],
      ['202', 'normal'],
    ],
  );
  t.equal(s.engine.load().sessions, 0);
});

t.test('a phone joins two callers; a trunk joins two phones; nobody names another’s call', async (t) => {
  const s = await scene(t);
  const one = await talk(s, '+12025550100', s.ann);
  const two = await talk(s, '+12025550100', s.ann);
  const replaces = (callId: string, toTag: string, fromTag: string): [string, string] => [
    'Refer-To',
    `<sip:x@voice.example?Replaces=${encodeURIComponent(`${callId};to-tag=${toTag};from-tag=${fromTag}`)}>`,
  ];
  const { callId, fromTag } = two.invite;
  requestBack(s.ann, one.invite, 'REFER', 2, { headers: [replaces(callId, fromTag!, 'another')] });
  await s.ann.response(481, 'REFER');
  requestBack(s.ann, one.invite, 'REFER', 3, { headers: [replaces(callId, fromTag!, `p${s.ann.port}`)] });
  await s.ann.response(202, 'REFER');
  t.equal(await notified(s.ann), 'SIP/2.0 200 OK');
  await hungUp(s.ann);
  await hungUp(s.ann);
  t.match(s.house.calls.list(), [{ legs: 2 }]);
  one.call.send('BYE');
  await hungUp(s.carrier);
  t.same(await s.house.leftOver(), {});

  const first = await talk(s, '+12025550100', s.ann);
  const second = await talk(s, '+12025550102', s.raj);
  first.call.send('REFER', {
    headers: [replaces(second.call.callId, second.call.toTag!, second.call.fromTag)],
  });
  await s.carrier.response(202, 'REFER');
  t.equal(await notified(s.carrier), 'SIP/2.0 200 OK');
  await hungUp(s.carrier);
  await hungUp(s.carrier);
  t.match(s.house.calls.list(), [{ legs: 2, destination: '202', caller: '201' }]);
  requestBack(s.raj, second.invite, 'BYE', 2);
  await hungUp(s.ann);
  t.same(await s.house.leftOver(), {});
  const { record } = await s.house.record();
  t.match(record, {
    state: 'ended',
    direction: 'internal',
    caller: '201',
    dialed: '202',
    cause: { kind: 'normal', by: 'callee' },
  });
  t.match(record.trace, /goes on from call .*transferred to 202 by \+12025550199/);
  t.equal(s.engine.load().sessions, 0);
});
