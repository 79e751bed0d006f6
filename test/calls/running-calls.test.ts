import t from 'tap';
import { SipResponse } from '../../src/sip/index.js';
import { createWebhookClient, type WebhookReply } from '../../src/calls/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';
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
import { deferred, plain, sdp, settled } from './fake-signalling.js';
import type { Action } from '../../src/dialplan/index.js';

const PLACE = extensionStep().place;

t.test('changes of the session', (t) => {
  t.test('hold goes to the other side and its answer comes back', async (t) => {
    const h = createHarness();
    const { caller, attempt } = await h.connected();
    const hold = caller.dialog.offerChange(sdp('hold'));
    t.equal(attempt.dialog.changes[0]!.offer, sdp('hold'));
    attempt.dialog.changes[0]!.settle({ kind: 'accepted', sdp: sdp('held'), ack: () => undefined });
    await settled();
    t.equal(hold.accepted, sdp('held'));
    const back = attempt.dialog.offerChange(sdp('resume'));
    caller.dialog.changes[0]!.settle({ kind: 'accepted', sdp: sdp('resumed'), ack: () => undefined });
    await settled();
    t.equal(back.accepted, sdp('resumed'));
  });

  t.test('an offerless re-INVITE gets the other side’s offer, and its ACK the answer', async (t) => {
    const h = createHarness();
    const { caller, attempt } = await h.connected();
    const change = attempt.dialog.offerChange(undefined, sdp('answer'));
    const acks: (string | undefined)[] = [];
    t.equal(caller.dialog.changes[0]!.offer, undefined);
    caller.dialog.changes[0]!.settle({
      kind: 'accepted',
      sdp: sdp('offer'),
      ack: (answer) => acks.push(answer),
    });
    await settled();
    t.equal(change.accepted, sdp('offer'));
    t.same(
      acks.map((answer) => plain(answer ?? '')),
      [sdp('answer')],
    );
  });

  t.test('a refusal is passed on in kind', async (t) => {
    const h = createHarness();
    const { caller, attempt } = await h.connected();
    const expected: [number, number][] = [
      [488, 488],
      [415, 488],
      [603, 488],
      [491, 491],
      [500, 500],
      [408, 500],
    ];
    for (const [status, told] of expected) {
      const change = caller.dialog.offerChange(sdp('x'));
      attempt.dialog.changes.at(-1)!.settle({ kind: 'refused', status });
      await settled();
      t.equal(change.rejected, told, `${status} becomes ${told}`);
    }
  });

  t.test('changes that meet get 491', async (t) => {
    const h = createHarness();
    const { caller, attempt } = await h.connected();
    const first = caller.dialog.offerChange(sdp('one'));
    const second = attempt.dialog.offerChange(sdp('two'));
    t.equal(second.rejected, 491);
    attempt.dialog.changes[0]!.settle({ kind: 'accepted', sdp: sdp('ok'), ack: () => undefined });
    await settled();
    t.equal(first.accepted, sdp('ok'));
    t.equal(attempt.dialog.changes.length, 1);
  });

  t.test('a re-INVITE that crosses a BYE', async (t) => {
    const h = createHarness();
    const { caller, attempt } = await h.connected();
    h.script = [endWith(200)];
    const change = caller.dialog.offerChange(sdp('hold'));
    attempt.dialog.hangUp();
    await settled();
    t.equal(caller.dialog.byes.length, 1);
    attempt.dialog.changes[0]!.settle({ kind: 'gone' });
    await settled();
    t.equal(change.rejected, 500);
    const late = caller.dialog.offerChange(sdp('late'));
    t.equal(late.rejected, 500);
    t.equal(h.calls.size, 0);
  });

  t.test('each leg knows one session, whoever is at its other end', async (t) => {
    const h = createHarness();
    h.script = [connect([group([trunkLeg(['backup'])])]), connect([group([deviceLeg('201')])])];
    const caller = h.call({ headers: [['Supported', '100rel']] });
    const [first] = h.signalling.attempts;
    first!.provisional(183, sdp('announcement'), { reliable: true });
    first!.provisional(183, sdp('announcement'), { reliable: true });
    first!.refuse(503);
    const second = h.signalling.attempts[1]!;
    second.answer(sdp('phone').replace('o=- 1 1', 'o=alice 77 9').replace('s=-', 's=Alice at home'));
    await settled();
    caller.dialog.changes[0]!.settle({ kind: 'accepted', sdp: sdp('caller'), ack: () => undefined });
    await settled();
    const origins = [...caller.said, ...caller.dialog.said].map((text) => /^o=(.*)\r$/m.exec(text)?.[1]);
    t.equal(new Set(origins.map((origin) => origin?.split(' ')[1])).size, 1, 'one session id');
    t.same(
      origins.map((origin) => origin?.split(' ')[2]),
      ['1', '1', '2'],
      'the version goes up by one when the partner changes',
    );
    t.notMatch(caller.dialog.said[0], /alice/i, 'nothing tells who the partner is');

    const hold = caller.dialog.offerChange(sdp('held'));
    t.match(second.dialog.said[0], /^o=- \d+ 2 IN IP4/m);
    second.dialog.changes[0]!.settle({ kind: 'accepted', sdp: sdp('phone-held'), ack: () => undefined });
    await settled();
    t.match(hold.said, /^o=- \d+ 3 IN IP4/m);
    caller.dialog.hangUp();
  });

  t.test('a trunk is offered, and offers, its codecs only', async (t) => {
    const wide = sdp('wide', '9 0 8 101', 'a=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\n');
    const h = createHarness({ inTrunk: trunk('acme', { codecs: ['pcma', 'PCMU'] }) });
    h.trunks.set('backup', trunk('backup', { codecs: ['G729'] }));
    h.trunks.set('pbx', trunk('pbx', { codecs: ['PCMA'] }));
    h.script = [connect([group([trunkLeg(['backup', 'pbx'])])])];
    const caller = h.call({ offer: wide });
    t.equal(h.signalling.attempts.length, 1, 'a trunk without a codec in common is passed over');
    const attempt = h.signalling.attempts[0]!;
    t.match(attempt.spec.offer, /^m=audio 4000 RTP\/AVP 8 101\r\n(?!.*G722)/m);
    attempt.answer(sdp('pbx', '8 101'));
    await settled();
    caller.ack();
    const refused = caller.dialog.offerChange(sdp('other', '9'));
    t.equal(refused.rejected, 488);
    await settled();
    const change = attempt.dialog.offerChange(wide);
    t.match(caller.dialog.changes[0]!.offer, /^m=audio 4000 RTP\/AVP 8 101\r$/m);
    caller.dialog.changes[0]!.settle({ kind: 'accepted', sdp: sdp('caller', '8'), ack: () => undefined });
    await settled();
    t.ok(change.accepted);
    caller.dialog.hangUp();
    t.match(h.record().trace, /no codec in common/);

    const none = createHarness({ inTrunk: trunk('acme', { codecs: ['opus'] }) });
    none.script = [connect([group([deviceLeg('201')])])];
    t.match(none.call({ offer: wide }).rejections, [{ status: 488 }]);
    t.match(none.record(), { state: 'ended', cause: { kind: 'no-codec', sip: 488 } });
    t.equal(none.signalling.attempts.length, 0);

    const last = createHarness();
    last.trunks.set('backup', trunk('backup', { codecs: ['G729'] }));
    last.script = [connect([group([trunkLeg(['backup'])])])];
    last.call({ offer: wide });
    t.match(last.results, [{ kind: 'failed', outcome: 'unreachable', status: 488 }]);
    last.script = [connect([group([trunkLeg(['backup'], { emergency: true })])])];
    last.call({ offer: wide });
    t.equal(plain(last.signalling.attempts[0]!.spec.offer!), wide, 'an emergency call goes with what it has');
  });

  t.test('UPDATE before the answer goes to the other side and its answer comes back', async (t) => {
    const h = createHarness();
    h.script = [connect([group([trunkLeg(['backup'])])])];
    const caller = h.call({ headers: [['Supported', '100rel']] });
    const attempt = h.signalling.attempts[0]!;
    attempt.provisional(183, sdp('early'), { reliable: true });

    const fromCaller = caller.offerChange(sdp('held'));
    const meeting = attempt.offerChange(sdp('moved'));
    t.equal(meeting.rejected, 491, 'changes that meet');
    t.equal(attempt.changes[0]!.offer, sdp('held'));
    attempt.changes[0]!.settle({ kind: 'accepted', sdp: sdp('early-held'), ack: () => undefined });
    await settled();
    t.equal(fromCaller.accepted, sdp('early-held'));

    const fromCallee = attempt.offerChange(sdp('moved'));
    t.equal(caller.changes[0]!.offer, sdp('moved'));
    caller.changes[0]!.settle({ kind: 'accepted', sdp: sdp('held-2'), ack: () => undefined });
    await settled();
    t.equal(fromCallee.accepted, sdp('held-2'));

    attempt.answer(sdp('moved'));
    await settled();
    t.same(caller.answers, [{ sdp: '' }], 'the 200 repeats no answer that is out of date');
    t.equal(caller.dialog.changes.length, 0, 'nothing is left to be agreed');
    caller.ack();
    caller.dialog.hangUp();
  });

  t.test('UPDATE before the answer is refused where nobody can agree to it', async (t) => {
    const h = createHarness();
    h.script = [connect([group([trunkLeg(['backup'])])]), connect([group([deviceLeg('201')])])];
    const caller = h.call({ headers: [['Supported', '100rel']] });
    const attempt = h.signalling.attempts[0]!;
    t.equal(attempt.offerChange(sdp('x')).rejected, 504, 'the caller has no session with it yet');
    t.equal(caller.offerChange(sdp('x')).rejected, 500, 'nobody there: later perhaps');
    attempt.provisional(183, sdp('early'), { reliable: true });
    for (const [outcome, status] of [
      [{ kind: 'unable' }, 504],
      [{ kind: 'refused', status: 488 }, 488],
      [{ kind: 'refused', status: 491 }, 491],
      [{ kind: 'refused', status: 503 }, 500],
      [{ kind: 'gone' }, 500],
    ] as const) {
      const change = caller.offerChange(sdp('x'));
      attempt.changes.at(-1)!.settle(outcome);
      await settled();
      t.equal(change.rejected, status, `${outcome.kind} ${status}`);
    }
    const crossing = caller.offerChange(sdp('y'));
    attempt.refuse(503);
    attempt.changes.at(-1)!.settle({ kind: 'gone' });
    await settled();
    t.equal(crossing.rejected, 500);
    const gone = caller.offerChange(sdp('z'));
    await settled();
    t.equal(gone.rejected, 500, 'whom it was agreed with is gone');
    caller.cancel();
    t.equal(h.calls.size, 0);
  });
  t.end();
});

t.test('requests within the call', (t) => {
  t.test('INFO is relayed with its body and package, and so is its answer', async (t) => {
    const h = createHarness();
    const { caller, attempt } = await h.connected();
    const body = { type: 'application/dtmf-relay', text: 'Signal=5\r\nDuration=160\r\n' };
    const info = caller.dialog.send('INFO', body, [
      ['Info-Package', 'infoDtmf'],
      ['X-Private', 'secret'],
    ]);
    const relayed = attempt.dialog.requests[0]!;
    t.match(relayed, { method: 'INFO', body, headers: [['Info-Package', 'infoDtmf']] });
    relayed.settle({ kind: 'response', response: new SipResponse(415) });
    await settled();
    t.same(info.statuses, [415]);
    const gone = attempt.dialog.send('INFO');
    caller.dialog.requests[0]!.settle({ kind: 'unreachable', why: 'no-reply' });
    await settled();
    t.same(gone.statuses, [408]);
  });

  t.test('OPTIONS is answered here; what is not served is said so', async (t) => {
    const h = createHarness();
    const { caller } = await h.connected();
    const answers = ['OPTIONS', 'REFER', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY'].map(
      (m) => caller.dialog.send(m).statuses[0],
    );
    t.same(answers, [200, 501, 405, 489, 481]);
  });
  t.end();
});

t.test('how long a call may last', (t) => {
  t.test('the shorter of both trunks’ max-duration', async (t) => {
    const h = createHarness({ inTrunk: trunk('in', { maxDurationMs: 100_000 }) });
    h.trunks.set('backup', trunk('backup', { maxDurationMs: 60_000 }));
    h.script = [connect([group([trunkLeg(['backup'])])])];
    const { caller, attempt } = await h.connected();
    h.clock.advance(59_999);
    t.equal(h.calls.size, 1);
    h.clock.advance(1);
    t.equal(caller.dialog.byes.length, 1);
    t.equal(attempt.dialog.byes.length, 1);
    t.match(h.record().cause, { kind: 'max-duration', by: 'system' });
  });

  t.test('a peer that no longer answers OPTIONS ends it', async (t) => {
    const h = createHarness({ inTrunk: trunk('in', { keepAliveMs: 60_000 }) });
    h.trunks.set('backup', trunk('backup', { keepAliveMs: 50_000 }));
    h.script = [connect([group([trunkLeg(['backup'])])])];
    const { caller, attempt } = await h.connected();
    h.clock.advance(50_000);
    t.equal(attempt.dialog.requests.length, 1);
    attempt.dialog.requests[0]!.settle({ kind: 'response', response: new SipResponse(405) });
    await settled();
    h.clock.advance(10_000);
    caller.dialog.requests[0]!.settle({ kind: 'response', response: new SipResponse(200) });
    await settled();
    h.clock.advance(40_000);
    t.equal(attempt.dialog.requests.length, 2);
    attempt.dialog.requests[1]!.settle({ kind: 'unreachable', why: 'no-reply' });
    await settled();
    t.match(h.record().cause, { kind: 'peer-gone', by: 'system' });
    t.equal(caller.dialog.byes.length, 1);
  });

  t.test('a call that has ended leaves no timer behind', async (t) => {
    const h = createHarness({ inTrunk: trunk('in', { keepAliveMs: 60_000, maxDurationMs: 1e6 }) });
    const { caller } = await h.connected();
    caller.dialog.hangUp();
    await settled();
    // What is left are the limits of the fake's own attempt.
    t.equal(h.clock.pending, 2);
  });
  t.end();
});

t.test('orders from outside', (t) => {
  t.test('the API hangs up a call that rings and one that is answered', async (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201')])])];
    const ringing = h.call();
    t.match(h.calls.get('call-1'), { state: 'ringing', legs: 2 });
    t.equal(h.calls.hangUp('call-1'), true);
    t.equal(h.calls.hangUp('call-1'), false);
    t.match(ringing.rejections, [{ status: 480 }]);
    t.equal(h.signalling.attempts[0]!.cancelledWith.length, 1);
    t.match(h.record().cause, { kind: 'api', by: 'system' });

    h.script = [connect([group([deviceLeg('201')])])];
    const { caller } = await h.connected();
    t.equal(h.calls.hangUp('call-2'), true);
    t.equal(caller.dialog.byes.length, 1);
    t.same(h.held, { calls: 0, legs: 0 });
  });

  t.test('draining lets running calls end and takes no new ones', async (t) => {
    const h = createHarness();
    const { caller } = await h.connected();
    let drained = false;
    const drain = h.calls.drain(60_000).then(() => (drained = true));
    t.match(h.call().rejections, [{ status: 503, headers: [['Retry-After', '30']] }]);
    await settled();
    t.equal(drained, false);
    caller.dialog.hangUp();
    await drain;
    t.equal(drained, true);
  });

  t.test('at the deadline what still runs is ended', async (t) => {
    const h = createHarness();
    const { caller } = await h.connected();
    const drain = h.calls.drain(60_000);
    h.clock.advance(60_000);
    await drain;
    t.equal(caller.dialog.byes.length, 1);
    t.match(h.record().cause, { kind: 'drained', by: 'system' });
    await h.calls.drain(1);
    h.calls.stop();
  });

  t.test('a lost engine ends the call once', async (t) => {
    const h = createHarness();
    const { caller, attempt } = await h.connected();
    attempt.dialog.hangUp({ kind: 'engine-lost', sip: 503 });
    caller.dialog.hangUp({ kind: 'engine-lost', sip: 503 });
    await settled();
    t.match(h.record().cause, { kind: 'engine-lost', by: 'system' });
    t.same(h.results, []);
    t.equal(h.writes.filter((write) => write === 'close').length, 1);
  });

  t.test('a listener to events that throws does no harm', async (t) => {
    const h = createHarness({
      deps: {
        onEvent: () => {
          throw new Error('listener');
        },
      },
    });
    const { caller } = await h.connected();
    caller.dialog.hangUp();
    t.equal(h.calls.size, 0);
  });
  t.end();
});

t.test('steps that wait', (t) => {
  const wait: Action = {
    kind: 'wait',
    step: { place: PLACE, verb: 'wait', ms: 3000, ifOutcome: {} },
    ms: 3000,
  };

  t.test('wait rings the caller for its time', (t) => {
    const h = createHarness();
    h.script = [wait];
    const caller = h.call();
    t.same(caller.statuses, [180]);
    h.clock.advance(2999);
    t.same(h.results, []);
    h.clock.advance(1);
    t.same(h.results, [{ kind: 'done' }]);
    t.match(caller.rejections, [{ status: 480 }]);
    h.script = [wait];
    h.call().cancel();
    h.clock.advance(5000);
    t.equal(h.results.length, 1);
    t.end();
  });

  t.test('webhook: the reply, the failure, and the caller who does not wait for it', async (t) => {
    const replies: ReturnType<typeof deferred<WebhookReply>>[] = [];
    const signals: AbortSignal[] = [];
    const h = createHarness({
      deps: {
        webhooks: {
          call: (_request, signal) => {
            signals.push(signal);
            replies.push(deferred<WebhookReply>());
            return replies.at(-1)!.promise;
          },
        },
      },
    });
    const webhook: Action = {
      kind: 'webhook',
      step: { place: PLACE, verb: 'webhook', url: { source: '', parts: [] }, timeoutMs: 3000, ifOutcome: {} },
      url: 'http://127.0.0.1/x',
      timeoutMs: 3000,
      body: {},
    };
    h.script = [webhook];
    h.call();
    replies[0]!.resolve({ kind: 'reply', body: { busy: true } });
    await settled();
    t.same(h.results[0], { kind: 'done', reply: { busy: true } });
    h.script = [webhook];
    h.call();
    replies[1]!.resolve({ kind: 'failed', outcome: 'timeout', why: 'slow' });
    await settled();
    t.same(h.results[1], { kind: 'failed', outcome: 'timeout' });
    h.script = [webhook];
    const caller = h.call();
    caller.cancel();
    t.equal(signals[2]!.aborted, true);
    replies[2]!.resolve({ kind: 'reply', body: {} });
    await settled();
    t.equal(h.results.length, 2);
  });

  t.test('reject: its status and words', (t) => {
    const h = createHarness();
    h.script = [endWith(603, { reason: 'Go away', q850: 21 })];
    const caller = h.call();
    t.match(caller.rejections, [
      { status: 603, reason: 'Go away', headers: [['Reason', 'Q.850;cause=21;text="Call rejected"']] },
    ]);
    t.match(h.record().cause, { sip: 603, q850: 21, by: 'system', kind: 'rejected', text: 'Go away' });
    t.end();
  });
  t.end();
});

t.test('the webhook client', (t) => {
  type Init = Parameters<typeof fetch>[1];
  const seen: { url: string; init: Init }[] = [];
  const clock = createFakeClock(1_700_000_000_000);
  const clientFor = (respond: (init: RequestInit) => Promise<Response>) =>
    createWebhookClient({
      clock,
      fetch: (url, init) => {
        seen.push({ url, init });
        return respond(init);
      },
    });
  const request = { url: 'https://hooks.example/route', body: { did: '+1' }, timeoutMs: 1000 };
  const never = new AbortController().signal;

  t.test('posts JSON, signed where there is a secret, and reads JSON', async (t) => {
    const client = clientFor(() => Promise.resolve(new Response('{"steps":[]}')));
    t.same(await client.call({ ...request, secret: 'key' }, never), { kind: 'reply', body: { steps: [] } });
    t.match(seen.at(-1), {
      url: request.url,
      init: { method: 'POST', body: '{"did":"+1"}', redirect: 'error' },
    });
    const headers = seen.at(-1)!.init!.headers as Record<string, string>;
    // printf '1700000000.{"did":"+1"}' | openssl dgst -sha256 -hmac key
    t.match(headers['x-trunkline-signature'], /^t=1700000000,v1=[0-9a-f]{64}$/);
    const empty = clientFor(() => Promise.resolve(new Response('  ')));
    t.same(await empty.call(request, never), { kind: 'reply', body: {} });
    t.notOk('x-trunkline-signature' in (seen.at(-1)!.init!.headers as object));
  });

  t.test('tells a refusal from nonsense and from silence', async (t) => {
    const outcome = async (respond: (init: RequestInit) => Promise<Response>, changes = {}) => {
      const reply = await clientFor(respond).call({ ...request, ...changes }, never);
      return reply.kind === 'failed' ? reply.outcome : reply.kind;
    };
    t.equal(await outcome(() => Promise.resolve(new Response('no', { status: 500 }))), 'refused');
    t.equal(await outcome(() => Promise.reject(new Error('ECONNREFUSED'))), 'refused');
    t.equal(await outcome(() => Promise.resolve(new Response('<html>'))), 'invalid');
    t.equal(await outcome(() => Promise.resolve(new Response('x'.repeat(70_000)))), 'invalid');
    t.equal(
      await outcome(() => Promise.resolve(new Response('{}')), { url: 'file:///etc/passwd' }),
      'invalid',
    );
    const slow = (init: RequestInit) =>
      new Promise<Response>((_resolve, reject) => {
        init.signal!.addEventListener('abort', () => reject(new Error('aborted')));
      });
    const late = outcome(slow);
    clock.advance(1000);
    t.equal(await late, 'timeout');
    t.equal(clock.pending, 0);
  });
  t.end();
});
