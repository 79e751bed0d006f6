import fc from 'fast-check';
import t from 'tap';
import type { Action } from '../../src/dialplan/index.js';
import { connect, createHarness, deviceLeg, endWith, extensionStep, group, trunkLeg } from './harness.js';
import { deferred, FakeCaller, sdp, settled, type FakeAttempt } from './fake-signalling.js';

/** What may happen to a call; numbers choose among what there is. */
const event = fc.oneof(
  fc.record({
    kind: fc.constant('provisional' as const),
    leg: fc.nat(5),
    status: fc.constantFrom(180, 183),
    sdp: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('answer' as const), leg: fc.nat(5) }),
  fc.record({
    kind: fc.constant('refuse' as const),
    leg: fc.nat(5),
    status: fc.constantFrom(302, 404, 486, 480, 503, 603),
  }),
  fc.record({ kind: fc.constant('unreachable' as const), leg: fc.nat(5) }),
  fc.record({ kind: fc.constant('callee-hangs-up' as const), leg: fc.nat(5) }),
  fc.record({ kind: fc.constant('callee-changes' as const), leg: fc.nat(5), offer: fc.boolean() }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 3000, 10_000, 60_000) }),
  fc.constant({ kind: 'caller-cancels' as const }),
  fc.constant({ kind: 'caller-acks' as const }),
  fc.constant({ kind: 'caller-hangs-up' as const }),
  fc.constant({ kind: 'caller-changes' as const }),
  fc.constant({ kind: 'stored' as const }),
  fc.constant({ kind: 'store-fails' as const }),
  fc.constant({ kind: 'api-hangs-up' as const }),
  fc.constant({ kind: 'settle' as const }),
);

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.constant(connect([group([deviceLeg('201')], 20_000)])),
  fc.constant(
    connect([group([deviceLeg('201'), deviceLeg('202', { delayMs: 5000 })]), group([trunkLeg(['pbx'])])]),
  ),
  fc.constant(connect([group([trunkLeg(['acme', 'backup'])], 30_000)])),
  fc.constant(connect([group([deviceLeg('203')])], { step: extensionStep({ after: [] }) })),
  fc.constant<Action>({
    kind: 'wait',
    step: { place: extensionStep().place, verb: 'wait', ms: 2000, ifOutcome: {} },
    ms: 2000,
  }),
  fc.constant(endWith(486)),
);

t.test('whatever happens in whatever order, a call ends once and gives back all it took', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { minLength: 1, maxLength: 4 }),
      fc.array(event, { maxLength: 25 }),
      fc.boolean(),
      async (script, events, reliable) => {
        const h = createHarness();
        const stored = deferred<undefined>();
        // It may fail before anybody waits for it.
        stored.promise.catch(() => undefined);
        h.answeredGate = () => stored.promise;
        h.script = [...script];
        const caller = new FakeCaller(reliable ? { headers: [['Supported', '100rel']] } : {});
        caller.events = h.calls.incoming(caller);
        const pick = (n: number): FakeAttempt | undefined =>
          h.signalling.attempts[n % Math.max(1, h.signalling.attempts.length)];
        let callerIsThere = true;
        const isAnswered = (): boolean => caller.answers.length > 0;
        for (const one of events) {
          switch (one.kind) {
            case 'provisional': {
              const attempt = pick(one.leg);
              if (attempt?.done === false)
                attempt.provisional(one.status, one.sdp ? sdp(`early-${one.leg}`) : undefined);
              break;
            }
            case 'answer': {
              const attempt = pick(one.leg);
              if (attempt?.done === false) attempt.answer(sdp(`answer-${one.leg}`));
              break;
            }
            case 'refuse':
              pick(one.leg)?.refuse(one.status);
              break;
            case 'unreachable':
              pick(one.leg)?.unreachable('transport');
              break;
            case 'callee-hangs-up': {
              const dialog = pick(one.leg)?.dialog;
              if (dialog?.isOpen === true) dialog.hangUp();
              break;
            }
            case 'callee-changes': {
              const dialog = pick(one.leg)?.dialog;
              if (dialog?.isOpen === true) {
                dialog.offerChange(one.offer ? sdp('change') : undefined);
              }
              break;
            }
            case 'time':
              h.clock.advance(one.ms);
              break;
            case 'caller-cancels':
              if (callerIsThere && !isAnswered()) {
                callerIsThere = false;
                caller.cancel();
              }
              break;
            case 'caller-acks':
              if (isAnswered() && caller.dialog.state === 'confirmed') caller.ack();
              break;
            case 'caller-hangs-up':
              if (isAnswered()) caller.dialog.hangUp();
              break;
            case 'caller-changes':
              if (isAnswered() && caller.dialog.state === 'confirmed') caller.dialog.offerChange(sdp('hold'));
              break;
            case 'stored':
              stored.resolve(undefined);
              break;
            case 'store-fails':
              stored.reject(new Error('disk full'));
              break;
            case 'api-hangs-up':
              h.calls.hangUp('call-1');
              break;
            case 'settle':
              await settled();
              break;
          }
        }
        stored.resolve(undefined);
        await settled();
        h.calls.hangUp('call-1');
        await settled();

        const wrong: string[] = [];
        if (h.calls.size !== 0) wrong.push('the call is still there');
        if (h.held.calls !== 0 || h.held.legs !== 0) wrong.push(`held ${JSON.stringify(h.held)}`);
        if (h.writes.filter((write) => write === 'close').length !== 1)
          wrong.push('the record was not closed once');
        if (h.record().state !== 'ended' || h.record().cause === undefined)
          wrong.push('the record has no end');
        if (h.events.filter((one) => one.kind === 'ended').length !== 1)
          wrong.push('no single event of the end');
        if ([...h.legs.values()].some((leg) => leg.endAt === undefined)) wrong.push('a leg has no end');
        for (const attempt of h.signalling.attempts) {
          if (!attempt.done) wrong.push(`${attempt.id} still rings`);
          if (attempt.dialog.isOpen) wrong.push(`${attempt.id} still talks`);
        }
        if (isAnswered() && caller.dialog.state !== 'ended') wrong.push('the caller still talks');
        if (!isAnswered() && callerIsThere && caller.rejections.length !== 1)
          wrong.push('the caller got no answer');
        if (h.logged.some((line) => line.event === 'call failed by a fault')) wrong.push('a fault');
        return wrong.length === 0 || Promise.reject(new Error(wrong.join('; ')));
      },
    ),
    { numRuns: 500 },
  );
  t.pass('held for all');
});
