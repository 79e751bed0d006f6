import t, { type Test } from 'tap';
import { loadDialplanFiles } from '../../src/dialplan/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { createFakeMedia, type FakeMedia } from './fake-media.js';
import { sdp, settled, type FakeAttempt, type FakeCaller, type FakeDialog } from './fake-signalling.js';
import {
  connect,
  createHarness,
  deviceLeg,
  endWith,
  group,
  trunk,
  type Harness,
  type HarnessOptions,
} from './harness.js';

const PLAN = loadDialplanFiles(
  [
    {
      path: 'main.yaml',
      text: `
extensions:
  "201": { name: Ann Lee, password: secret-201, caller-id: "+12025550201" }
  "202": { name: Raj Rao, password: secret-202 }
  "203": { name: Kim, password: secret-203 }
  "300": { route: [ { reject: 603 } ] }
outbound:
  - { name: us, dial: "9xxxxxxxxxx", strip: 1, prefix: "+1", via: backup }
  - { name: far, to: "+1*", via: backup }
sites:
  hq: { country: US, area-code: "202", emergency: { numbers: ["911"], via: backup, caller-id: "+12025550100" } }
`,
    },
  ],
  { env: () => undefined, trunkNames: ['acme', 'backup'] },
);
if (PLAN.plan === undefined) throw new Error(JSON.stringify(PLAN.diagnostics, undefined, 1));
const plan = PLAN.plan;

interface Scene {
  readonly h: Harness;
  readonly media: FakeMedia;
}

function open(options: HarnessOptions = {}): Scene {
  const media = createFakeMedia(createFakeClock());
  const h = createHarness({
    plan,
    inTrunk: trunk('acme', { media: 'relay' }),
    ...options,
    deps: { media: media.parts, plan: () => ({ plan, revision: 4 }), ...options.deps },
  });
  return { h, media };
}

/** The caller talks to the extension. */
async function talk(
  { h }: Scene,
  extension = '201',
  label = 'caller',
): Promise<{ caller: FakeCaller; attempt: FakeAttempt }> {
  h.script.push(connect([group([deviceLeg(extension)])]));
  const caller = h.call({ offer: sdp(label), callId: label });
  await settled();
  const attempt = h.signalling.attempts.at(-1)!;
  attempt.provisional(180);
  attempt.answer(sdp(extension));
  await settled();
  caller.ack();
  return { caller, attempt };
}

const REFER_TO = (to: string): readonly (readonly [string, string])[] => [
  ['Refer-To', `<sip:${to}@us.example>`],
];

/** What a dialog was told of its transfer. */
function told(dialog: FakeDialog): string[] {
  return dialog.requests.filter(({ method }) => method === 'NOTIFY').map(({ body }) => body!.text.trim());
}

/** Answers every NOTIFY as it comes. */
async function take(dialog: FakeDialog): Promise<void> {
  await settled();
  for (let seen = 0; seen < dialog.requests.length; seen++) {
    dialog.requests[seen]!.settle({ kind: 'gone' });
    await settled();
  }
}

function nothingLeft(t: Test, { h, media }: Scene): void {
  t.equal(h.calls.size, 0, 'no call is left');
  t.same(media.open, [], 'no media session is left');
  t.same(h.held, { calls: 0, legs: 0 }, 'no capacity is held');
  t.ok(
    h.signalling.attempts.every(({ dialog, done }) => done && !dialog.isOpen),
    'no leg is left',
  );
}

t.test('blind: the callee sends the caller on', (t) => {
  t.test('the caller hears ringing, talks to the new one, and the old one is told and let go', async (t) => {
    const scene = open();
    const { h, media } = scene;
    const { caller, attempt } = await talk(scene);
    t.same(media.bridges, ['session-1 + session-2']);

    t.same(attempt.dialog.send('REFER', undefined, REFER_TO('202')).statuses, [202]);
    await settled();
    const target = h.signalling.attempts.at(-1)!;
    t.match(target.spec.target, '202@');
    t.match(target.spec.from, { uri: 'sip:+12125550000@us.example' }, 'who waits is shown');
    t.match(target.spec.headers, [['Referred-By', '<sip:201@us.example>']]);
    t.same(media.bridges, [], 'they hear nothing of each other');
    t.same(media.sessions[0]!.names.at(-1), 'ringback');
    target.provisional(180);
    await take(attempt.dialog);
    t.same(told(attempt.dialog), ['SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing']);
    t.match(attempt.dialog.requests[0]!.headers, [
      ['Event', 'refer'],
      ['Subscription-State', 'active;expires=180'],
    ]);
    t.equal(h.calls.list()[0]!.legs, 2);

    target.answer(sdp('202'));
    await settled();
    t.same(media.bridges, ['session-1 + session-3']);
    t.equal(attempt.dialog.byes.length, 0, 'not before it is told');
    await take(attempt.dialog);
    t.equal(told(attempt.dialog).at(-1), 'SIP/2.0 200 OK');
    t.match(attempt.dialog.requests.at(-1)!.headers![1], [
      'Subscription-State',
      'terminated;reason=noresource',
    ]);
    t.match(attempt.dialog.byes, [{ kind: 'transferred' }]);
    t.equal(caller.dialog.changes.length, 0, 'the caller need not be asked');
    t.match(h.calls.list(), [{ state: 'answered', destination: '202' }]);
    t.match(h.leg(0), { cause: { kind: 'transferred' } });

    caller.dialog.hangUp();
    await settled();
    t.match(h.record().trace, /transferred to 202 by 201/);
    t.equal(target.dialog.byes.length, 1);
    t.match(h.record(), { state: 'ended', destination: '202', cause: { by: 'caller' } });
    nothingLeft(t, scene);
  });

  t.test(
    'a target that does not answer: the two talk again, and the one who tried is told why',
    async (t) => {
      const scene = open();
      const { h, media } = scene;
      const { caller, attempt } = await talk(scene);
      const hold = attempt.dialog.offerChange(sdp('held', '0', 'a=sendonly\r\n'));
      await settled();
      t.ok(hold.accepted);
      t.equal(media.sessions[0]!.names.at(-1), 'music.wav');
      attempt.dialog.send('REFER', undefined, REFER_TO('202'));
      await settled();
      t.equal(media.sessions[0]!.names.at(-1), 'ringback');
      t.same(attempt.dialog.send('REFER', undefined, REFER_TO('203')).statuses, [491], 'one at a time');
      h.signalling.attempts.at(-1)!.refuse(486);
      await take(attempt.dialog);
      t.same(told(attempt.dialog), ['SIP/2.0 100 Trying', 'SIP/2.0 486 Busy Here']);
      t.same(media.bridges, ['session-1 + session-2']);
      t.equal(media.sessions[0]!.names.at(-1), 'music.wav', 'still on hold');
      attempt.dialog.offerChange(sdp('back'));
      await settled();
      t.notOk(media.sessions[0]!.busy);

      attempt.dialog.send('REFER', undefined, [...REFER_TO('203'), ['CSeq', '7 REFER']]);
      await settled();
      t.match(attempt.dialog.requests.at(-1)!.headers![0], ['Event', 'refer;id=7']);
      h.signalling.attempts.at(-1)!.answer(sdp('203'));
      await take(attempt.dialog);
      caller.dialog.hangUp();
      await settled();
      t.match(h.record().trace, /not transferred to 202 by 201: busy/);
      nothingLeft(t, scene);
    },
  );

  t.test('whom an extension may send a call to, its own rules say', async (t) => {
    const scene = open();
    const { h } = scene;
    const { caller, attempt } = await talk(scene);
    const status = (headers: readonly (readonly [string, string])[]): number | undefined =>
      attempt.dialog.send('REFER', undefined, headers).statuses[0];
    t.equal(status([]), 400);
    t.equal(status([['Refer-To', '<mailto:me@x>']]), 400);
    t.equal(status([['Refer-To', '<sip:202@x;method=BYE>']]), 400);
    t.equal(status([['Refer-To', '<sip:202@x>, <sip:203@x>']]), 400);
    t.equal(status(REFER_TO('911')), 403);
    t.equal(status(REFER_TO('300')), 403, 'a route of its own');
    t.equal(status(REFER_TO('201')), 403, 'itself');
    t.equal(status(REFER_TO('+4420794600')), 403, 'no rule');
    t.equal(caller.dialog.send('REFER', undefined, REFER_TO('202')).statuses[0], 603, 'a trunk');
    t.same(
      status([
        ['Refer-To', 'tel:9-310-555-0000'],
        ['Refer-Sub', 'false'],
      ]),
      202,
    );
    await settled();
    const target = h.signalling.attempts.at(-1)!;
    t.match(target.spec.target, 'sip:+13105550000@backup.example');
    t.match(
      target.spec.from,
      { uri: 'sip:+12025550201@us.example' },
      'a carrier is shown the extension’s number',
    );
    t.same(told(attempt.dialog), [], 'RFC 4488: nothing is told');
    target.answer(sdp('far'));
    await settled();
    t.equal(attempt.dialog.byes.length, 1);
    t.match(h.calls.list(), [{ destination: '+13105550000', legs: 2 }]);
    h.script = [endWith(200)];
    target.dialog.hangUp();
    await settled();
    t.equal(caller.dialog.byes.length, 1);
    nothingLeft(t, scene);
  });

  t.test(
    'who transferred may hang up at once; the caller may, and the target then stops ringing',
    async (t) => {
      const early = open();
      const first = await talk(early);
      first.attempt.dialog.send('REFER', undefined, REFER_TO('202'));
      await settled();
      first.attempt.dialog.hangUp();
      await settled();
      t.equal(early.h.calls.size, 1);
      early.h.signalling.attempts.at(-1)!.answer(sdp('202'));
      await settled();
      t.same(early.media.bridges, ['session-1 + session-3']);
      first.caller.dialog.hangUp();
      nothingLeft(t, early);

      const alone = open();
      const second = await talk(alone);
      second.attempt.dialog.send('REFER', undefined, REFER_TO('202'));
      await settled();
      second.attempt.dialog.hangUp();
      alone.h.script = [endWith(200)];
      alone.h.signalling.attempts.at(-1)!.refuse(480);
      await settled();
      t.equal(second.caller.dialog.byes.length, 1, 'the plan goes on as after any end');
      nothingLeft(t, alone);

      const left = open();
      const third = await talk(left);
      third.attempt.dialog.send('REFER', undefined, REFER_TO('202'));
      await settled();
      third.caller.dialog.hangUp();
      await settled();
      t.equal(left.h.signalling.attempts.at(-1)!.cancelledWith.length, 1);
      t.equal(third.attempt.dialog.byes.length, 1);
      nothingLeft(t, left);
    },
  );
  t.end();
});

t.test('the caller sends the callee on: what is left is a call of its own', async (t) => {
  const scene = open({
    inTrunk: null,
    facts: { extension: '203', caller: '203', direction: 'internal', dialed: '201' },
  });
  const { h, media } = scene;
  const { caller, attempt } = await talk(scene);
  t.same(caller.dialog.send('REFER', undefined, REFER_TO('202')).statuses, [202]);
  await settled();
  const target = h.signalling.attempts.at(-1)!;
  t.equal(target.spec.from.uri, 'sip:201@us.example', 'who waits is shown');
  t.equal(media.sessions[1]!.names.at(-1), 'ringback');
  caller.dialog.hangUp();
  await settled();
  t.equal(h.calls.size, 1, 'who transferred need not wait');
  target.answer(sdp('202'));
  await settled();
  t.same(media.bridges, ['session-2 + session-3']);
  const [before, after] = [...h.records.values()];
  t.match(before, { state: 'ended', cause: { kind: 'transferred', by: 'caller' } });
  t.match(before!.trace, new RegExp(`transferred to 202 by 203.*goes on as call ${after!.id}`));
  t.match(after, {
    state: 'answered',
    direction: 'internal',
    caller: '201',
    dialed: '202',
    extension: '201',
  });
  t.match(after!.trace, /goes on from call call-1: transferred to 202 by 203/);
  t.match(h.calls.list(), [{ id: after!.id, state: 'answered', legs: 2 }]);

  // And on again, by the one who was there first.
  t.same(attempt.dialog.send('REFER', undefined, REFER_TO('203')).statuses, [202]);
  await settled();
  h.signalling.attempts.at(-1)!.answer(sdp('203'));
  await settled();
  await take(attempt.dialog);
  t.match(attempt.dialog.byes, [{ kind: 'transferred' }]);
  t.same(media.bridges, ['session-3 + session-4']);
  t.ok(h.calls.hangUp(after!.id));
  await settled();
  t.equal(target.dialog.byes.length, 1);
  t.match(h.records.get(after!.id), { state: 'ended', cause: { kind: 'api' } });
  nothingLeft(t, scene);
});

t.test('the caller’s transfer fails', async (t) => {
  const facts = { extension: '203', caller: '203', direction: 'internal', dialed: '201' } as const;
  const talking = open({ inTrunk: null, facts });
  const one = await talk(talking);
  one.caller.dialog.send('REFER', undefined, REFER_TO('202'));
  await settled();
  talking.h.signalling.attempts.at(-1)!.refuse(603);
  await take(one.caller.dialog);
  t.equal(told(one.caller.dialog).at(-1), 'SIP/2.0 603 Decline');
  t.same(talking.media.bridges, ['session-1 + session-2']);
  one.attempt.dialog.hangUp();
  await settled();
  nothingLeft(t, talking);

  const gone = open({ inTrunk: null, facts });
  const two = await talk(gone);
  two.caller.dialog.send('REFER', undefined, REFER_TO('202'));
  await settled();
  two.caller.dialog.hangUp();
  gone.h.signalling.attempts.at(-1)!.refuse(486);
  await settled();
  t.equal(two.attempt.dialog.byes.length, 1);
  nothingLeft(t, gone);

  const alone = open({ inTrunk: null, facts });
  const three = await talk(alone);
  three.caller.dialog.send('REFER', undefined, REFER_TO('202'));
  await settled();
  three.caller.dialog.hangUp();
  three.attempt.dialog.hangUp();
  await settled();
  t.equal(alone.h.signalling.attempts.at(-1)!.cancelledWith.length, 1);
  nothingLeft(t, alone);
});

t.test('attended', (t) => {
  const NAMED = { callId: 'consult', toTag: 'ours', fromTag: 'theirs' };
  const REPLACES = `<sip:202@us.example?Replaces=consult%3Bto-tag%3Dours%3Bfrom-tag%3Dtheirs>`;
  const INSIDE = { extension: '201', caller: '201', direction: 'internal', dialed: '202' } as const;

  /** Every second call comes from extension 201. */
  function withConsultation(consultant: Partial<Harness['facts']>): Scene {
    const scene = open();
    let count = 0;
    scene.h.decision = (admitted) => {
      count += 1;
      if (count === 1) return admitted;
      const { kind, plan, revision, step, trace, border, emergency, facts } = admitted;
      const inside = { ...facts, ...consultant };
      delete (inside as { trunk?: string }).trunk;
      return { kind, plan, revision, step, trace, border, emergency, facts: inside };
    };
    return scene;
  }

  t.test('a callee joins its caller with whom it has called itself', async (t) => {
    const scene = withConsultation(INSIDE);
    const { h, media } = scene;
    const { caller, attempt } = await talk(scene);
    const consult = await talk(scene, '202', 'consult');
    consult.caller.dialog.named = NAMED;
    t.same(attempt.dialog.send('REFER', undefined, [['Refer-To', REPLACES]]).statuses, [202]);
    await settled();
    t.same(media.bridges, ['session-1 + session-4']);
    t.match(consult.caller.dialog.byes, [{ kind: 'transferred' }]);
    await take(attempt.dialog);
    t.same(told(attempt.dialog), ['SIP/2.0 200 OK']);
    t.match(attempt.dialog.byes, [{ kind: 'transferred' }]);
    t.match(h.calls.list(), [{ id: 'call-1', destination: '202', legs: 2 }]);
    t.match(h.records.get('call-2'), { state: 'ended', cause: { kind: 'transferred' } });
    const digit = consult.attempt.dialog.send('INFO', { type: 'application/dtmf-relay', text: 'Signal=5' });
    t.same(digit.statuses, [200], 'the leg is heard by the call it belongs to');
    consult.attempt.dialog.hangUp();
    h.script = [endWith(200)];
    await settled();
    t.equal(caller.dialog.byes.length, 1);
    t.match(h.record().trace, /transferred to 202 by 201, who talked to both \(call call-2\)/);
    nothingLeft(t, scene);
  });

  t.test('the one who called both joins them; two callers of one phone are joined', async (t) => {
    const both = open({ inTrunk: null, facts: INSIDE });
    const one = await talk(both, '203');
    const two = await talk(both, '202', 'consult');
    two.caller.dialog.named = NAMED;
    t.same(one.caller.dialog.send('REFER', undefined, [['Refer-To', REPLACES]]).statuses, [202]);
    await take(one.caller.dialog);
    t.match(one.caller.dialog.byes, [{ kind: 'transferred' }]);
    t.match(two.caller.dialog.byes, [{ kind: 'transferred' }]);
    t.same(both.media.bridges, ['session-2 + session-4']);
    t.equal(both.h.calls.size, 1);
    both.media.sessions[3]!.on.lost?.();
    t.equal(one.attempt.dialog.byes.length, 1, 'media that is lost ends the call that has it');
    nothingLeft(t, both);

    const callers = open();
    const first = await talk(callers, '201', 'one');
    const second = await talk(callers, '201', 'two');
    second.attempt.dialog.named = NAMED;
    t.same(first.attempt.dialog.send('REFER', undefined, [['Refer-To', REPLACES]]).statuses, [202]);
    await take(first.attempt.dialog);
    t.same(callers.media.bridges, ['session-1 + session-3']);
    t.match(second.attempt.dialog.byes, [{ kind: 'transferred' }]);
    t.same(callers.h.held.calls, 2, 'both came in by a trunk');
    first.caller.dialog.hangUp();
    await settled();
    t.equal(second.caller.dialog.byes.length, 1);
    nothingLeft(t, callers);
  });

  t.test('nobody takes over a call that is not its own', async (t) => {
    const scene = withConsultation({ ...INSIDE, extension: '203', caller: '203' });
    const { h } = scene;
    const { attempt } = await talk(scene);
    const other = await talk(scene, '202', 'consult');
    const status = (): number | undefined =>
      attempt.dialog.send('REFER', undefined, [['Refer-To', REPLACES]]).statuses[0];
    t.equal(status(), 481, 'no such dialog');
    other.caller.dialog.named = NAMED;
    t.equal(status(), 481, 'of somebody else');
    attempt.dialog.named = { ...NAMED, callId: 'consult' };
    other.caller.dialog.named = undefined;
    t.equal(status(), 481, 'the very call');
    t.equal(h.calls.size, 2);
    h.calls.stop();
    await settled();
    nothingLeft(t, scene);
  });
  t.end();
});

t.test('by order of the API', async (t) => {
  const scene = open();
  const { h, media } = scene;
  t.match(h.calls.transfer('none', { who: 'caller', to: '202' }), { reason: 'no-such-call' });
  const { caller, attempt } = await talk(scene);
  t.match(h.calls.transfer('call-1', { who: 'caller', to: '911' }), { reason: 'not-allowed' });
  t.same(h.calls.transfer('call-1', { who: 'caller', to: '202' }), { kind: 'ringing' });
  t.match(h.calls.transfer('call-1', { who: 'callee', to: '202' }), { reason: 'busy' });
  await settled();
  h.signalling.attempts.at(-1)!.answer(sdp('202'));
  await settled();
  t.equal(attempt.dialog.byes.length, 1);
  t.same(media.bridges, ['session-1 + session-3']);
  t.same(
    h.calls.transfer('call-1', { who: 'callee', to: '+13105550001' }),
    { kind: 'ringing' },
    'as the house',
  );
  await settled();
  h.signalling.attempts.at(-1)!.answer(sdp('far'));
  await settled();
  t.equal(caller.dialog.byes.length, 1);
  t.same(media.bridges, ['session-3 + session-4']);
  t.equal(h.calls.size, 1);
  h.calls.stop();
  await settled();
  nothingLeft(t, scene);

  const ringing = open();
  ringing.h.script = [connect([group([deviceLeg('201')])])];
  ringing.h.call();
  await settled();
  t.match(ringing.h.calls.transfer('call-1', { who: 'caller', to: '202' }), { reason: 'not-connected' });
  ringing.h.calls.stop();
});

t.test('an INVITE with Replaces takes the place of a leg of its own phone or trunk', async (t) => {
  const NAMED = { callId: 'old', toTag: 'ours', fromTag: 'theirs' };
  const REPLACES = ['Replaces', 'old;to-tag=ours;from-tag=theirs'] as const;
  const scene = open();
  const { h, media } = scene;
  const { caller, attempt } = await talk(scene);
  const refused = (...headers: (readonly [string, string])[]): number | undefined =>
    h.call({ callId: 'new', headers }).rejections[0]?.status;
  t.equal(refused(['Replaces', 'old']), 400);
  t.equal(refused(REPLACES), 481);
  attempt.dialog.named = NAMED;
  t.equal(refused(REPLACES), 403, 'the phone’s leg, from a trunk');
  attempt.dialog.named = undefined;
  caller.dialog.named = NAMED;
  t.equal(refused(['Replaces', `${REPLACES[1]};early-only`]), 486);
  t.equal(h.calls.size, 1);

  const taker = h.call({
    offer: sdp('taker'),
    callId: 'new',
    headers: [REPLACES, ['Require', 'replaces']],
  });
  await settled();
  t.equal(taker.answers.length, 1);
  t.match(caller.dialog.byes, [{ kind: 'transferred' }]);
  t.same(media.bridges, ['session-2 + session-3']);
  taker.ack();
  t.equal(h.calls.size, 1);
  t.same(h.held.calls, 1, 'the new leg came in by a trunk');
  attempt.dialog.hangUp();
  await settled();
  t.equal(taker.dialog.byes.length, 1);
  nothingLeft(t, scene);

  const moved = open();
  const first = await talk(moved);
  first.attempt.dialog.named = NAMED;
  moved.h.decision = (admitted) => {
    return {
      ...admitted,
      facts: { ...admitted.facts, extension: '201', caller: '201', direction: 'internal' },
    };
  };
  const other = moved.h.call({ offer: sdp('other'), callId: 'new', headers: [REPLACES] });
  await settled();
  t.match(first.attempt.dialog.byes, [{ kind: 'transferred' }], 'from one phone of an extension to another');
  t.same(moved.media.bridges, ['session-1 + session-3']);
  first.caller.dialog.hangUp();
  await settled();
  t.equal(other.dialog.byes.length, 1);
  nothingLeft(t, moved);

  const direct = open({ inTrunk: trunk('acme'), deps: { media: undefined as never } });
  const straight = await direct.h.connected();
  straight.caller.dialog.named = NAMED;
  t.equal(direct.h.call({ callId: 'new', headers: [REPLACES] }).rejections[0]?.status, 501);
});
