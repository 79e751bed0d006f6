import t from 'tap';
import {
  connect,
  createHarness,
  deviceLeg,
  endWith,
  extensionStep,
  group,
  trunk,
  trunkLeg,
} from './harness.js';
import { deferred, FakeCaller, sdp, settled } from './fake-signalling.js';
import type { AnswerOutcome } from '../../src/signalling/index.js';

t.test('a call to a registered device', (t) => {
  t.test('is set up, bridged, recorded and ended, and gives back all it took', async (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201')])])];
    const caller = h.call();
    t.equal(h.record().state, 'ringing');
    t.equal(h.record().rule, undefined);
    t.equal(h.record().planRevision, 3);
    t.same(h.held, { calls: 1, legs: 0 });
    const attempt = h.signalling.attempts[0]!;
    t.match(h.leg(0), {
      recordId: 'call-1',
      sequence: 1,
      kind: 'extension',
      target: '201',
      sipCallId: 'own-leg-1',
    });

    h.clock.advance(700);
    attempt.provisional(180);
    t.same(caller.progressed, [{ status: 180 }]);
    h.clock.advance(3000);
    attempt.answer(sdp('phone', '0 101'));
    await settled();
    t.same(caller.answers, [{ sdp: sdp('phone', '0 101') }]);
    t.match(h.record(), {
      state: 'answered',
      pddMs: 700,
      codecs: 'PCMU,telephone-event',
      destination: '201',
    });
    caller.ack();
    t.same(h.calls.list(), [
      {
        id: 'call-1',
        state: 'answered',
        caller: '+12125550000',
        dialed: '+12025550203',
        trunk: 'acme',
        destination: '201',
        since: h.facts.at,
        answeredAt: h.facts.at + 3700,
        legs: 2,
      },
    ]);

    h.clock.advance(60_000);
    caller.dialog.hangUp({ q850: 16 });
    await settled();
    t.match(attempt.dialog.byes, [{ q850: 16, by: 'caller' }], 'the callee gets the caller’s cause');
    t.match(h.record(), {
      state: 'ended',
      endAt: h.facts.at + 63_700,
      cause: { sip: 200, q850: 16, by: 'caller', kind: 'normal' },
      lastStep: 'extension main.yaml:7:3',
    });
    t.match(h.leg(0), {
      answerAt: h.facts.at + 3700,
      endAt: h.facts.at + 63_700,
      codecs: 'PCMU,telephone-event',
    });
    const kinds = (JSON.parse(h.record().trace) as { kind: string }[]).map((entry) => entry.kind);
    t.same(kinds, ['trunk', 'step', 'attempt']);
    t.equal(h.calls.size, 0);
    t.same(h.held, { calls: 0, legs: 0 });
    t.same(h.minutes, [60_000]);
    t.same(
      h.events.map((event) => event.kind),
      ['started', 'ringing', 'answered', 'ended'],
    );
  });

  t.test('hides each side from the other', (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201')])])];
    h.call({
      headers: [
        ['User-Agent', 'secret-phone'],
        ['X-Inside', 'secret'],
        ['P-Asserted-Identity', '<sip:secret@192.0.2.50>'],
      ],
    });
    const { spec } = h.signalling.attempts[0]!;
    t.same(spec.from, { uri: 'sip:+12125550000@us.example', display: 'Alice' });
    t.same(spec.to, { uri: 'sip:201@us.example' });
    t.equal(spec.target, 'sip:201@10.0.0.9:5062;line=1');
    t.equal(spec.nextHop, 'sip:203.0.113.9:40000;transport=udp');
    t.same(spec.headers, []);
    t.equal(spec.maxForwards, 69);
    t.equal(spec.offer, sdp('caller'));
    t.notMatch(JSON.stringify(spec), /secret|192\.0\.2\.50(?!.*o=)|caller-1/);
    t.end();
  });

  t.test('carries the plan’s headers, but none that belong to the leg itself', (t) => {
    const h = createHarness({ facts: { anonymous: true } });
    const headers = [
      ['X-Ticket', '42'],
      ['Via', 'evil'],
      ['contact', 'evil'],
      ['X-Empty', ''],
    ] as const;
    h.script = [connect([group([deviceLeg('201')])], { identity: { mode: 'keep', headers } })];
    h.call();
    const { spec } = h.signalling.attempts[0]!;
    t.same(spec.headers, [
      ['Privacy', 'id'],
      ['X-Ticket', '42'],
    ]);
    t.equal(spec.from.uri, 'sip:anonymous@anonymous.invalid');
    t.end();
  });
  t.end();
});

t.test('the callee hangs up', (t) => {
  t.test('after: has its turn, and the call ends with the callee’s cause', async (t) => {
    const h = createHarness();
    const { caller, attempt } = await h.connected();
    h.script = [endWith(200, { q850: 16 })];
    attempt.dialog.hangUp({ q850: 16 });
    await settled();
    t.same(h.results, [{ kind: 'connected-ended' }]);
    t.match(caller.dialog.byes, [{ q850: 16, by: 'callee' }]);
    t.match(h.record().cause, { by: 'callee', kind: 'normal', sip: 200 });
    t.same(caller.rejections, []);
  });

  t.test('before the caller’s 200 has left: the caller gets the 200 and then the BYE', async (t) => {
    const h = createHarness();
    const gate = deferred<undefined>();
    h.answeredGate = () => gate.promise;
    h.script = [connect([group([deviceLeg('201')])]), endWith(200, { q850: 16 })];
    const caller = h.call();
    const attempt = h.signalling.attempts[0]!;
    attempt.answer(sdp('phone'));
    await settled();
    t.same(caller.answers, [], 'the 200 waits for the record');
    attempt.dialog.hangUp();
    gate.resolve(undefined);
    await settled();
    t.equal(caller.answers.length, 1);
    t.equal(caller.dialog.byes.length, 1);
    t.equal(h.calls.size, 0);
    t.match(h.record(), { state: 'ended', cause: { by: 'callee', kind: 'normal' } });
  });

  t.test('a new partner joins the answered caller when after: names one', async (t) => {
    const h = createHarness();
    h.script = [
      connect([group([deviceLeg('201')])], {
        step: extensionStep({ after: [extensionStep()] }),
      }),
    ];
    const { caller, attempt } = await h.connected();
    h.script = [connect([group([deviceLeg('202')])]), endWith(200, { q850: 16 })];
    attempt.dialog.hangUp();
    await settled();
    const second = h.signalling.attempts[1]!;
    t.equal(second.spec.offer, sdp('caller'), 'it is offered the caller’s session');
    second.answer(sdp('second'));
    await settled();
    const change = caller.dialog.changes[0]!;
    t.equal(change.offer, sdp('second'));
    let acks = 0;
    change.settle({ kind: 'accepted', sdp: sdp('caller'), ack: () => (acks += 1) });
    await settled();
    t.equal(acks, 1);
    t.match(h.calls.list(), [{ state: 'answered', destination: '202', legs: 2 }]);
    caller.dialog.hangUp();
    t.equal(second.dialog.byes.length, 1);
    t.same(h.held, { calls: 0, legs: 0 });
  });
  t.end();
});

t.test('the caller gives up', (t) => {
  t.test('while it rings: the callee is cancelled', (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201'), deviceLeg('202', { delayMs: 5000 })])])];
    const caller = h.call();
    const attempt = h.signalling.attempts[0]!;
    attempt.provisional(180);
    caller.cancel();
    t.match(attempt.cancelledWith, [{ kind: 'cancelled', by: 'caller' }]);
    t.match(h.record(), { state: 'ended', cause: { sip: 487, by: 'caller', kind: 'cancelled' } });
    t.same(caller.rejections, [], 'the 487 is sent below');
    h.clock.advance(60_000);
    t.equal(h.signalling.attempts.length, 1, 'the delayed leg never starts');
    t.same(h.results, [], 'no further step runs');
    t.same(h.held, { calls: 0, legs: 0 });
    t.equal(h.calls.size, 0);
    t.end();
  });

  t.test('while the record of the answer is written: the callee gets BYE, the caller no 200', async (t) => {
    const h = createHarness();
    const gate = deferred<undefined>();
    h.answeredGate = () => gate.promise;
    h.script = [connect([group([deviceLeg('201')])])];
    const caller = h.call();
    const attempt = h.signalling.attempts[0]!;
    attempt.answer(sdp('phone'));
    caller.cancel();
    t.equal(attempt.dialog.byes.length, 1);
    gate.resolve(undefined);
    await settled();
    t.same(caller.answers, []);
    t.match(h.record(), { state: 'ended', cause: { kind: 'cancelled', by: 'caller' } });
    t.same(h.held, { calls: 0, legs: 0 });
  });

  t.test('and its CANCEL crosses our 200', async (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201')])])];
    const caller = new FakeCaller();
    const outcome = deferred<AnswerOutcome>();
    caller.answerOutcome = outcome.promise;
    caller.events = h.calls.incoming(caller);
    const attempt = h.signalling.attempts[0]!;
    attempt.answer(sdp('phone'));
    await settled();
    t.equal(caller.answers.length, 1);
    outcome.resolve({ kind: 'cancelled' });
    await settled();
    t.equal(attempt.dialog.byes.length, 1);
    t.match(h.record().cause, { kind: 'cancelled', by: 'caller' });
    t.equal(h.calls.size, 0);
  });

  t.test('and the engine is lost while the 200 leaves', async (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201')])])];
    const caller = new FakeCaller();
    caller.answerOutcome = Promise.resolve({ kind: 'engine-lost' });
    caller.events = h.calls.incoming(caller);
    h.signalling.attempts[0]!.answer(sdp('phone'));
    await settled();
    t.match(h.record().cause, { kind: 'engine-lost', by: 'system' });
    t.equal(h.calls.size, 0);
  });
  t.end();
});

t.test('early media and ringing', (t) => {
  t.test(
    '183 with SDP is relayed, the last fork’s session wins, and what says nothing new is not repeated',
    (t) => {
      const h = createHarness();
      h.script = [connect([group([trunkLeg(['backup'])])])];
      const caller = h.call();
      const attempt = h.signalling.attempts[0]!;
      attempt.provisional(183, sdp('fork-a'), { fork: 'a' });
      attempt.provisional(183, sdp('fork-a'), { fork: 'a' });
      attempt.provisional(183, sdp('fork-b'), { fork: 'b' });
      attempt.provisional(180);
      attempt.provisional(180);
      attempt.provisional(199);
      t.same(caller.progressed, [
        { status: 183, sdp: sdp('fork-a') },
        { status: 183, sdp: sdp('fork-b') },
        { status: 180 },
      ]);
      t.end();
    },
  );

  t.test('where several phones ring nobody’s early media is relayed', (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201'), deviceLeg('202')])])];
    const caller = h.call();
    h.signalling.attempts[0]!.provisional(183, sdp('a'));
    h.signalling.attempts[1]!.provisional(183, sdp('b'));
    t.same(caller.progressed, [{ status: 180 }]);
    t.end();
  });

  t.test('a caller who hears nothing for long gets 180 from us', (t) => {
    const h = createHarness({ settings: { ringFastMs: 3000 } });
    h.script = [connect([group([trunkLeg(['backup'])])])];
    const caller = h.call();
    h.signalling.attempts[0]!.trying();
    h.clock.advance(2999);
    t.same(caller.progressed, []);
    h.clock.advance(1);
    t.same(caller.progressed, [{ status: 180 }]);
    t.equal(h.events.at(-1)?.kind, 'ringing');
    t.end();
  });

  t.test(
    'a reliable provisional of the callee is acknowledged on its own, and completes a 200 without SDP',
    async (t) => {
      const h = createHarness();
      h.script = [connect([group([trunkLeg(['backup'])])])];
      const caller = h.call({ headers: [['Supported', 'timer, 100rel']] });
      const attempt = h.signalling.attempts[0]!;
      const pracks = attempt.provisional(183, sdp('early'), { reliable: true });
      t.same(pracks, [undefined]);
      attempt.provisional(180);
      t.same(caller.progressed, [
        { status: 183, sdp: sdp('early'), reliable: true },
        { status: 180, reliable: true },
      ]);
      attempt.answer('');
      await settled();
      t.same(caller.answers, [{ sdp: sdp('early') }]);
    },
  );

  t.test(
    'an answer that was given reliably stays; who answers in the end is joined by a re-INVITE',
    async (t) => {
      const h = createHarness();
      h.script = [connect([group([trunkLeg(['backup'])]), group([deviceLeg('201')])])];
      const caller = h.call({ headers: [['Require', '100rel']] });
      h.signalling.attempts[0]!.provisional(183, sdp('announcement'));
      h.signalling.attempts[0]!.refuse(486);
      const phone = h.signalling.attempts[1]!;
      phone.provisional(183, sdp('phone'));
      t.same(caller.progressed, [
        { status: 183, sdp: sdp('announcement'), reliable: true },
        { status: 183, reliable: true },
      ]);
      phone.answer(sdp('phone'));
      await settled();
      t.same(caller.answers, [{ sdp: sdp('announcement') }]);
      t.equal(caller.dialog.changes[0]!.offer, sdp('phone'));
      caller.dialog.changes[0]!.settle({ kind: 'refused', status: 488 });
      await settled();
      t.match(h.record().cause, { kind: 'not-joined' });
      t.equal(caller.dialog.byes.length, 1);
    },
  );

  t.test('100rel is a matter of each leg', (t) => {
    const off = createHarness({ inTrunk: trunk('acme', { rel100: 'off' }) });
    off.script = [connect([group([trunkLeg(['backup'])])])];
    const caller = off.call({ headers: [['Supported', '100rel']] });
    off.signalling.attempts[0]!.provisional(180);
    t.same(caller.progressed, [{ status: 180 }]);
    t.equal(off.signalling.attempts[0]!.spec.rel100, 'supported');

    const required = createHarness({ inTrunk: trunk('acme', { rel100: 'off' }) });
    required.script = [connect([group([trunkLeg(['backup'])])])];
    const refused = required.call({ headers: [['Require', '100rel, nonsense']] });
    t.match(refused.rejections, [{ status: 420, headers: [['Unsupported', '100rel, nonsense']] }]);
    t.equal(required.signalling.attempts.length, 0);
    t.end();
  });
  t.end();
});

t.test('delayed offer', (t) => {
  t.test('the callee’s offer comes with its 200, the caller’s answer with the ACK', async (t) => {
    const h = createHarness();
    h.script = [connect([group([trunkLeg(['backup'])])])];
    const caller = h.call({ offer: null });
    const attempt = h.signalling.attempts[0]!;
    t.equal(attempt.spec.offer, undefined);
    t.equal(attempt.spec.rel100, 'off', 'an early offer could not be handed on');
    attempt.provisional(183, sdp('preview'));
    t.same(caller.progressed, [{ status: 183 }]);
    attempt.answer(sdp('offer'));
    await settled();
    t.same(caller.answers, [{ sdp: sdp('offer') }]);
    t.same(attempt.acks, []);
    const early = attempt.dialog.offerChange(sdp('too-soon'));
    t.equal(early.rejected, 491);
    caller.ack(sdp('answer'));
    t.same(attempt.acks, [sdp('answer')]);
  });

  t.test('an early reliable offer is answered by the caller’s PRACK', async (t) => {
    const h = createHarness();
    h.script = [connect([group([trunkLeg(['backup'])])])];
    const caller = h.call({ offer: null, headers: [['Require', '100rel']] });
    const attempt = h.signalling.attempts[0]!;
    t.equal(attempt.spec.rel100, 'supported');
    const pracks = attempt.provisional(183, sdp('offer'), { reliable: true });
    await settled();
    t.same(caller.progressed, [{ status: 183, sdp: sdp('offer'), reliable: true }]);
    t.same(pracks, []);
    caller.progressOutcomes[0]!({ kind: 'acknowledged', answer: sdp('answer') });
    await settled();
    t.same(pracks, [sdp('answer')]);
    attempt.answer('');
    await settled();
    t.same(caller.answers, [{ sdp: '' }], 'offer and answer are through: the 200 needs no SDP');
    t.same(attempt.acks, [undefined]);
  });

  t.test('a caller who gives up before the ACK leaves no callee without one', async (t) => {
    const h = createHarness();
    h.script = [connect([group([trunkLeg(['backup'])])])];
    const caller = h.call({ offer: null });
    const attempt = h.signalling.attempts[0]!;
    attempt.answer(sdp('offer'));
    await settled();
    caller.dialog.hangUp({ kind: 'ack-timeout' });
    t.same(attempt.acks, [undefined]);
    t.equal(attempt.dialog.byes.length, 1);
    t.match(h.record().cause, { kind: 'ack-timeout', by: 'system' });
  });
  t.end();
});

t.test('what the store and the border ask of a call', (t) => {
  t.test('a store that cannot keep the answer refuses the call', async (t) => {
    const h = createHarness();
    h.answeredGate = () => Promise.reject(new Error('disk full'));
    h.script = [connect([group([deviceLeg('201')])])];
    const caller = h.call();
    h.signalling.attempts[0]!.answer(sdp('phone'));
    await settled();
    t.same(caller.answers, []);
    t.match(caller.rejections, [{ status: 503 }]);
    t.equal(h.signalling.attempts[0]!.dialog.byes.length, 1);
    t.match(h.record().cause, { kind: 'store-failed' });
    t.same(h.held, { calls: 0, legs: 0 });
  });

  t.test('a store that throws elsewhere is only logged', async (t) => {
    const h = createHarness();
    const boom = (): never => {
      throw new Error('broken');
    };
    Object.assign(h.deps.records, { open: boom, openLeg: boom, updateLeg: boom, close: boom });
    h.script = [connect([group([deviceLeg('201')])])];
    const caller = h.call();
    h.signalling.attempts[0]!.answer(sdp('phone'));
    await settled();
    caller.ack();
    caller.dialog.hangUp();
    t.equal(h.calls.size, 0);
    t.ok(h.logged.some((line) => line.event === 'record not written'));
  });

  t.test('a refused caller we know has a record, one we do not know has none', (t) => {
    const h = createHarness();
    h.decision = ({ facts, trace }) => ({
      kind: 'refuse',
      status: 603,
      code: 'caller-blocked',
      reason: 'on the list',
      retryAfterS: 7,
      known: { facts, revision: 3, trace },
    });
    const caller = h.call();
    t.match(caller.rejections, [{ status: 603, headers: [['Retry-After', '7']] }]);
    t.match(h.record(), {
      state: 'ended',
      cause: { kind: 'border', sip: 603, text: 'caller-blocked: on the list' },
    });
    h.records.clear();
    h.decision = () => ({ kind: 'refuse', status: 403, code: 'unknown-source', reason: 'nobody' });
    t.match(h.call().rejections, [{ status: 403 }]);
    h.decision = () => ({
      kind: 'challenge',
      status: 401,
      headers: [['WWW-Authenticate', 'Digest realm="x"']],
    });
    t.match(h.call().rejections, [{ status: 401, headers: [['WWW-Authenticate', 'Digest realm="x"']] }]);
    t.equal(h.records.size, 0);
    t.end();
  });

  t.test('hops and loops', (t) => {
    const h = createHarness();
    h.script = [connect([group([trunkLeg(['backup'])])])];
    t.match(h.call({ headers: [['Max-Forwards', '0']] }).rejections, [{ status: 483 }]);
    h.call({ headers: [['Max-Forwards', '5']] });
    t.equal(h.signalling.attempts[0]!.spec.maxForwards, 4);
    t.match(h.call({ callId: 'own-leg-1' }).rejections, [{ status: 482 }], 'our own leg has come back');
    // Another number behind a proxy is a spiral, not a loop; the first number again is.
    h.decision = (admitted) => ({ ...admitted, facts: { ...admitted.facts, dialed: '+13105550000' } });
    h.script = [connect([group([trunkLeg(['backup'])])])];
    t.same(h.call({ callId: 'own-leg-1' }).rejections, []);
    t.match(h.call({ callId: 'own-leg-2' }).rejections, [{ status: 482 }]);
    h.decision = undefined;
    t.match(h.call({ callId: 'own-leg-2' }).rejections, [{ status: 482 }]);
    t.end();
  });

  t.test('a fault anywhere ends the call and not the process', (t) => {
    const h = createHarness();
    h.decision = () => {
      throw new Error('bug');
    };
    t.match(h.call().rejections, [{ status: 500 }]);
    h.decision = undefined;
    h.script = [connect([group([trunkLeg(['backup'])])])];
    h.deps.trunks.destinations = () => {
      throw new Error('bug');
    };
    const caller = h.call();
    t.match(caller.rejections, [{ status: 500 }]);
    t.equal(h.calls.size, 0);
    t.end();
  });
  t.end();
});
