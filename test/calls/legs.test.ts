import t from 'tap';
import {
  binding,
  connect,
  createHarness,
  deviceLeg,
  endWith,
  extensionStep,
  group,
  ringStep,
  trunk,
  trunkLeg,
  type Harness,
} from './harness.js';
import { answerCodecs } from '../../src/calls/answer-codecs.js';
import { buildPlan, extension, outbound, site } from '../dialplan/build-plan.js';
import { sdp, settled } from './fake-signalling.js';

const SIP_200 = { sip: 200, text: 'Call completed elsewhere' };

function targets(h: Harness): string[] {
  return h.signalling.attempts.map((attempt) => attempt.spec.target);
}

t.test('ring groups', (t) => {
  t.test('the first to answer wins; the others are told that the call was completed elsewhere', async (t) => {
    const h = createHarness();
    h.script = [
      connect([group([deviceLeg('201'), deviceLeg('202'), deviceLeg('203')])], { step: ringStep() }),
    ];
    const caller = h.call();
    const [first, second, third] = h.signalling.attempts;
    first!.provisional(180);
    second!.provisional(180);
    second!.answer(sdp('second'));
    t.match(first!.cancelledWith, [SIP_200]);
    t.match(third!.cancelledWith, [SIP_200]);
    await settled();
    caller.ack();
    t.equal(h.record().destination, '202');
    t.match(h.leg(0), { target: '201', cause: { kind: 'completed-elsewhere' } });
    t.match(h.calls.list(), [{ legs: 2 }]);
  });

  t.test('two legs that answer together: one wins, the other is acknowledged and ended', async (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201'), deviceLeg('202')])])];
    const caller = h.call();
    const [first, second] = h.signalling.attempts;
    // The layer below may have the second 200 in hand already when the first is told.
    second!.cancel = () => undefined;
    first!.answer(sdp('first'));
    second!.answer(sdp('second'));
    await settled();
    caller.ack();
    t.same(caller.answers, [{ sdp: sdp('first') }]);
    t.same(second!.acks, [undefined]);
    t.equal(second!.dialog.byes.length, 1);
    caller.dialog.hangUp();
    t.same(h.held, { calls: 0, legs: 0 });
  });

  t.test('a device with several bindings rings them together', async (t) => {
    const h = createHarness();
    h.bindings.set('201', [
      binding('201', { contact: 'sip:201@10.0.0.1', path: ['<sip:edge.example;lr>'] }),
      binding('201', { contact: 'sip:201@10.0.0.2' }),
    ]);
    h.script = [connect([group([deviceLeg('201')])])];
    const caller = h.call();
    t.same(targets(h), ['sip:201@10.0.0.1', 'sip:201@10.0.0.2']);
    t.same(h.signalling.attempts[0]!.spec.routes, ['<sip:edge.example;lr>']);
    const [first, second] = h.signalling.attempts;
    first!.provisional(183, sdp('early'));
    t.same(caller.progressed, [{ status: 180 }]);
    first!.refuse(603);
    t.same(h.results, [], 'one leg’s 6xx ends that leg only');
    second!.answer(sdp('second'));
    await settled();
    caller.ack();
    t.equal(h.calls.list()[0]?.state, 'answered');
  });

  t.test('bindings that all fail are mixed into one outcome', (t) => {
    const h = createHarness();
    h.bindings.set('201', [binding('201'), binding('201', { contact: 'sip:201@10.0.0.2' })]);
    h.script = [connect([group([deviceLeg('201')])])];
    h.call();
    h.signalling.attempts[0]!.refuse(404);
    h.signalling.attempts[1]!.provisional(180);
    h.signalling.attempts[1]!.refuse(486);
    t.match(h.results, [
      { kind: 'failed', outcome: 'busy', status: 486, perLeg: [{ label: '201', outcome: 'busy' }] },
    ]);
    t.end();
  });

  t.test('groups are tried in turn, each for its time', (t) => {
    const h = createHarness();
    h.script = [
      connect([
        group([deviceLeg('201')], 10_000),
        group([deviceLeg('202')], 5000),
        group([deviceLeg('203')], 5000),
      ]),
      endWith(480, { q850: 19 }),
    ];
    const caller = h.call();
    h.signalling.attempts[0]!.provisional(180);
    h.clock.advance(9999);
    t.equal(h.signalling.attempts.length, 1);
    h.clock.advance(1);
    t.equal(h.signalling.attempts.length, 2);
    h.signalling.attempts[1]!.refuse(486);
    t.equal(h.signalling.attempts.length, 3);
    h.signalling.attempts[2]!.trying();
    h.clock.advance(5000);
    t.match(h.results, [
      {
        kind: 'failed',
        outcome: 'no-answer',
        perLeg: [
          { label: '201', outcome: 'no-answer' },
          { label: '202', outcome: 'busy' },
          { label: '203', outcome: 'no-answer' },
        ],
      },
    ]);
    t.match(caller.rejections, [
      { status: 480, headers: [['Reason', 'Q.850;cause=19;text="No answer from user"']] },
    ]);
    t.match(h.record().cause, { sip: 480, kind: 'no-answer' });
    t.same(caller.statuses, [180]);
    t.end();
  });

  t.test('a delayed leg waits its time, within the group’s; a leg may ring shorter than its group', (t) => {
    const h = createHarness();
    h.script = [
      connect([
        group(
          [
            deviceLeg('201', { forMs: 8000 }),
            deviceLeg('202', { delayMs: 10_000 }),
            deviceLeg('203', { delayMs: 30_000 }),
          ],
          20_000,
        ),
      ]),
    ];
    h.call();
    t.equal(h.signalling.attempts[0]!.spec.answerMs, 8000);
    h.signalling.attempts[0]!.provisional(180);
    h.clock.advance(7999);
    t.equal(h.signalling.attempts.length, 1);
    h.clock.advance(1);
    t.equal(h.signalling.attempts.length, 2, 'nobody rings any more: the next does not wait');
    t.equal(h.signalling.attempts[1]!.spec.answerMs, 12_000);
    h.signalling.attempts[1]!.provisional(180);
    h.clock.advance(12_000);
    t.equal(h.signalling.attempts.length, 2);
    t.match(h.results, [{ outcome: 'no-answer' }]);
    t.end();
  });

  t.test('one who declines may stop them all', (t) => {
    const h = createHarness();
    h.script = [
      connect([group([deviceLeg('201'), deviceLeg('202')]), group([deviceLeg('203')])], {
        stopOnDecline: true,
      }),
    ];
    h.call();
    h.signalling.attempts[0]!.refuse(603);
    t.equal(h.signalling.attempts[1]!.cancelledWith.length, 1);
    t.equal(h.signalling.attempts.length, 2);
    t.match(h.results, [{ outcome: 'declined', status: 603 }]);
    t.end();
  });

  t.test('a group without anybody registered fails at once', (t) => {
    const h = createHarness();
    h.bindings.clear();
    h.script = [connect([group([deviceLeg('201'), deviceLeg('202', { delayMs: 5000 })]), group([])])];
    h.call();
    t.match(h.results, [{ outcome: 'unreachable', perLeg: [{ label: '201' }, { label: '202' }] }]);
    t.equal(h.legs.size, 0);
    t.end();
  });
  t.end();
});

t.test('what a refusal of a device means', (t) => {
  const cases: [status: number, rang: boolean, outcome: string][] = [
    [486, false, 'busy'],
    [600, true, 'busy'],
    [480, false, 'busy'],
    [480, true, 'no-answer'],
    [408, true, 'no-answer'],
    [408, false, 'unreachable'],
    [603, false, 'declined'],
    [607, false, 'declined'],
    [608, true, 'declined'],
    [404, false, 'unknown'],
    [410, false, 'unknown'],
    [484, false, 'unknown'],
    [604, false, 'unknown'],
    [488, false, 'unreachable'],
    [403, false, 'unreachable'],
    [500, true, 'unreachable'],
    [302, false, 'unreachable'],
    [606, false, 'unreachable'],
  ];
  for (const [status, rang, outcome] of cases) {
    t.test(`${status}${rang ? ' after 180' : ''} is ${outcome}`, (t) => {
      const h = createHarness();
      h.script = [connect([group([deviceLeg('201')])])];
      h.call();
      if (rang) h.signalling.attempts[0]!.provisional(180);
      h.signalling.attempts[0]!.refuse(status);
      t.match(h.results, [{ kind: 'failed', outcome, status }]);
      t.end();
    });
  }
  t.test(
    '480 without ringing from a trunk is unreachable; an unknown member of a group cannot be reached',
    (t) => {
      const h = createHarness();
      h.script = [connect([group([trunkLeg(['pbx'])])])];
      h.trunks.set('pbx', trunk('pbx', { retryOn: [] }));
      h.call();
      h.signalling.attempts[0]!.refuse(480);
      t.match(h.results, [{ outcome: 'unreachable' }]);
      h.script = [connect([group([deviceLeg('201')])], { step: ringStep() })];
      h.call();
      h.signalling.attempts[1]!.refuse(404);
      t.match(h.results[1], { outcome: 'unreachable', perLeg: [{ outcome: 'unknown' }] });
      t.end();
    },
  );

  t.test('the record tells who refused and why, a Reason header before the table', (t) => {
    const h = createHarness();
    h.script = [connect([group([deviceLeg('201')])]), endWith(486, { q850: 17 })];
    const caller = h.call();
    h.signalling.attempts[0]!.refuse(486, [['Reason', 'Q.850;cause=34;text="No circuit"']]);
    t.match(h.leg(0).cause, { sip: 486, q850: 34, by: 'callee', kind: 'busy' });
    t.match(h.record().cause, { sip: 486, q850: 17, by: 'callee', kind: 'busy' });
    t.match(caller.rejections, [{ status: 486 }]);
    t.end();
  });
  t.end();
});

t.test('failover of a trunk', (t) => {
  const twoDestinations = {
    to: [
      { uri: 'sip:sbc1.acme.example', weight: 1, priority: 1 },
      { uri: 'sip:sbc2.acme.example', weight: 1, priority: 2 },
    ],
  };
  function start(legTrunks = ['acme'], changes = {}): Harness {
    const h = createHarness();
    h.trunks.set('acme', trunk('acme', { ...twoDestinations, ...changes }));
    h.script = [connect([group([trunkLeg(legTrunks)], 60_000)])];
    h.call();
    return h;
  }

  t.test('the next destination on the configured codes, then the next trunk', async (t) => {
    const h = start(['acme', 'backup']);
    t.same(h.held, { calls: 1, legs: 1 });
    h.signalling.attempts[0]!.refuse(503);
    h.signalling.attempts[1]!.refuse(500);
    t.same(targets(h), [
      'sip:+13105550000@sbc1.acme.example',
      'sip:+13105550000@sbc2.acme.example',
      'sip:+13105550000@backup.example',
    ]);
    t.same(h.held, { calls: 1, legs: 1 }, 'the first trunk’s place is given back');
    h.signalling.attempts[2]!.answer(sdp('far'));
    await settled();
    t.equal(h.record().destination, 'acme+backup');
    t.same(h.health, [
      'acme sip:sbc1.acme.example failed',
      'acme sip:sbc2.acme.example ok',
      'backup sip:backup.example ok',
    ]);
    t.same(
      [...h.legs.values()].map((leg) => `${leg.sequence} ${leg.target} ${leg.cause?.sip ?? 'open'}`),
      ['1 acme 503', '2 acme 500', '3 backup open'],
    );
  });

  t.test('not on a code that is none of them', (t) => {
    for (const status of [404, 486, 603, 403]) {
      const h = start(['acme', 'backup']);
      h.signalling.attempts[0]!.refuse(status);
      t.equal(h.signalling.attempts.length, 1);
      t.match(h.results, [{ status }]);
    }
    t.end();
  });

  t.test('never after 180', (t) => {
    const h = start();
    h.signalling.attempts[0]!.provisional(180);
    h.signalling.attempts[0]!.refuse(503);
    t.equal(h.signalling.attempts.length, 1);
    t.match(h.results, [{ outcome: 'unreachable' }]);
    t.end();
  });

  t.test('after 183 only on 5xx', (t) => {
    const h = start();
    h.signalling.attempts[0]!.provisional(183, sdp('early'));
    h.signalling.attempts[0]!.refuse(503);
    t.equal(h.signalling.attempts.length, 2);
    h.signalling.attempts[1]!.provisional(183);
    h.signalling.attempts[1]!.refuse(408);
    t.equal(h.signalling.attempts.length, 2);
    t.match(h.results, [{ outcome: 'no-answer', status: 408 }]);
    t.end();
  });

  t.test('no reply at all in try-timeout: the next, with what is left of the ring time', (t) => {
    const h = start();
    t.equal(h.signalling.attempts[0]!.spec.firstReplyMs, 4000);
    t.equal(h.signalling.attempts[0]!.spec.answerMs, 60_000);
    h.clock.advance(4000);
    t.equal(h.signalling.attempts[1]!.spec.answerMs, 56_000);
    h.signalling.attempts[1]!.unreachable('transport');
    t.match(h.results, [{ outcome: 'unreachable' }]);
    t.match(h.leg(0).cause, { kind: 'no-reply' });
    t.match(h.leg(1).cause, { kind: 'transport' });
    t.end();
  });

  t.test('the engine’s loss is no reason to try on', (t) => {
    const h = start();
    h.signalling.attempts[0]!.unreachable('engine-lost');
    t.equal(h.signalling.attempts.length, 1);
    t.end();
  });

  t.test('ring time that is over ends the step', (t) => {
    const h = start();
    h.signalling.attempts[0]!.trying();
    h.clock.advance(60_000);
    t.match(h.results, [{ outcome: 'no-answer' }]);
    t.end();
  });

  t.test('redirections go to the trunk’s own hosts only, at most five', (t) => {
    const h = start();
    h.signalling.attempts[0]!.refuse(302, [
      ['Contact', '<sip:+999@evil.example>;q=1.0, <sip:+13105550001@sbc2.acme.example:5070?X=1>;q=0.5'],
    ]);
    t.same(targets(h).at(-1), 'sip:+13105550001@sbc2.acme.example:5070');
    for (let hop = 0; hop < 4; hop++) {
      h.signalling.attempts.at(-1)!.refuse(302, [['Contact', `<sip:hop${hop}@sbc1.acme.example>`]]);
    }
    t.equal(h.signalling.attempts.length, 6);
    h.signalling.attempts.at(-1)!.refuse(302, [['Contact', '<sip:again@sbc1.acme.example>']]);
    t.equal(h.signalling.attempts.length, 6);
    t.match(h.results, [{ outcome: 'unreachable', status: 302 }]);

    const foreign = start();
    foreign.signalling.attempts[0]!.refuse(301, [['Contact', '<sip:x@evil.example>, <tel:+1>, garbage<']]);
    t.equal(foreign.signalling.attempts.length, 1);
    t.end();
  });

  t.test('a phone sends calls on to whom it could call itself, and to nobody else', async (t) => {
    const plan = buildPlan({
      extensions: [
        extension('201', { site: 'hq', callerId: '+12025550201' }),
        extension('202'),
        extension('203', { where: { kind: 'trunk', trunk: 'pbx' } }),
        extension('209', { where: { kind: 'route', route: [] } }),
      ],
      outbound: [outbound({ to: '+1*', via: ['backup'] })],
      sites: [site('hq', { country: 'US', emergency: { numbers: ['911'], via: ['acme'], notify: [] } })],
    });
    const ring = (): Harness => {
      const h = createHarness({ plan });
      h.bindings.set('202', [binding('202'), binding('202', { contact: 'sip:202@10.0.0.10' })]);
      h.script = [connect([group([deviceLeg('201')])])];
      h.call();
      return h;
    };
    const redirect = (h: Harness, contact: string): void =>
      h.signalling.attempts.at(-1)!.refuse(302, [['Contact', contact]]);

    const h = ring();
    redirect(h, '<sip:209@x>;q=0.1, <sip:202@whoever.example>');
    t.same(
      h.signalling.attempts.slice(1).map(({ spec }) => spec.target),
      ['sip:202@10.0.0.9:5062;line=1', 'sip:202@10.0.0.10'],
      'all devices of the extension ring, where they registered',
    );
    h.signalling.attempts[1]!.refuse(486);
    t.same(h.results, [], 'the other still rings');
    h.signalling.attempts[2]!.answer(sdp('second'));
    await settled();
    t.match(h.record(), { state: 'answered' });
    t.match(h.record().trace, /sent on to 202/);
    t.match(h.leg(2), { target: '202' });

    const pbx = ring();
    redirect(pbx, '<sip:203@us.example>');
    t.equal(pbx.signalling.attempts[1]!.spec.target, 'sip:203@pbx.example');

    const outside = ring();
    redirect(outside, '<sip:3105550000@us.example>');
    t.match(outside.signalling.attempts[1]!.spec, {
      target: 'sip:+13105550000@backup.example',
      from: { uri: 'sip:+12025550201@us.example' },
    });
    outside.calls.hangUp('call-1');
    t.equal(outside.signalling.attempts[1]!.cancelledWith.length, 1, 'it is cancelled with the call');

    for (const [contact, why] of [
      ['<sip:911@us.example>', 'emergency'],
      ['<sip:209@us.example>', 'route of its own'],
      ['<sip:201@us.example>', 'itself'],
      ['<sip:+4930123@us.example>', 'no outbound rule'],
      ['<sip:bob@evil.example>', 'no extension'],
    ] as const) {
      const refused = ring();
      redirect(refused, contact);
      t.equal(refused.signalling.attempts.length, 1, contact);
      t.match(refused.results, [{ outcome: 'unreachable', status: 302 }]);
      t.match(refused.record().trace, new RegExp(why));
    }
    const none = ring();
    redirect(none, 'garbage<');
    t.match(none.results, [{ outcome: 'unreachable' }]);

    const circle = ring();
    circle.bindings.set('202', [binding('202')]);
    for (let hop = 0; hop < 8; hop++) redirect(circle, `<sip:${hop % 2 === 0 ? '202' : '201'}@x>`);
    t.equal(circle.signalling.attempts.length, 6, 'five hops');
    t.match(circle.results, [{ outcome: 'unreachable' }]);
    t.match(circle.record().trace, /too many redirections/);
  });

  t.test('what the border limits, a number that cannot be written, and trunks that are not there', (t) => {
    const h = createHarness();
    h.limited.add('acme');
    h.script = [connect([group([trunkLeg(['acme', 'gone'])])])];
    h.call();
    t.match(h.results, [{ outcome: 'limited' }]);
    h.script = [
      connect([group([trunkLeg(['backup'], { to: { kind: 'trunks', trunks: ['backup'], number: 'bad' } })])]),
    ];
    h.call();
    t.match(h.results[1], { outcome: 'unknown' });
    h.trunks.set('backup', trunk('backup', { to: [] }));
    h.script = [connect([group([trunkLeg(['backup'])])])];
    h.call();
    t.match(h.results[2], { outcome: 'unreachable' });
    t.same(h.held, { calls: 0, legs: 0 });
    t.equal(h.legs.size, 0);
    t.end();
  });

  t.test('an emergency call passes the limits and tries what is left, whatever the refusal', (t) => {
    const h = createHarness();
    h.limited.add('acme').add('backup');
    h.script = [connect([group([trunkLeg(['acme', 'backup'], { emergency: true })])])];
    h.call();
    h.signalling.attempts[0]!.refuse(403);
    t.equal(h.signalling.attempts.length, 2);
    t.ok(h.logged.some((line) => line.event === 'emergency call'));
    t.end();
  });

  t.test('those who are to know of an emergency call are told of it', async (t) => {
    const plan = buildPlan({
      extensions: [
        extension('100'),
        extension('200'),
        extension('300', { where: { kind: 'trunk', trunk: 'pbx' } }),
      ],
      sites: [
        site('hq', { emergency: { numbers: ['911'], via: ['acme'], notify: ['100', '200', '300', '999'] } }),
      ],
    });
    const h = createHarness({ plan, facts: { dialed: '911', extension: '201' } });
    h.bindings.set('100', [binding('100', { path: ['<sip:edge.example;lr>'] }), binding('100')]);
    const leg = trunkLeg(['acme', 'backup'], {
      emergency: true,
      emergencySite: 'hq',
      to: { kind: 'trunks', trunks: ['acme'], number: '911' },
    });
    h.script = [connect([group([leg])]), connect([group([leg])])];
    const caller = h.call();
    t.same(
      h.signalling.requests.map(({ method, target, routes, body }) => [
        method,
        target,
        routes?.length,
        body?.text,
      ]),
      [1, undefined].map((routes) => [
        'MESSAGE',
        'sip:100@10.0.0.9:5062;line=1',
        routes,
        'Emergency call 911 from 201, site hq',
      ]),
    );
    await settled();
    t.match(
      h.logged.filter(({ event }) => event.includes('emergency')),
      [
        { level: 'warn', event: 'emergency call', fields: { dialed: '911', extension: '201', site: 'hq' } },
        { level: 'warn', event: 'could not be told of the emergency call', fields: { extension: '200' } },
        { level: 'warn', fields: { extension: '300' } },
        { level: 'warn', fields: { extension: '999' } },
        { level: 'info', fields: { extension: '100', taken: 2 } },
      ],
    );
    h.signalling.attempts[0]!.refuse(503);
    t.equal(h.signalling.requests.length, 2, 'once a call');
    t.same(
      h.events.map(({ kind }) => kind),
      ['started', 'emergency'],
    );
    caller.cancel();
  });

  t.test('a header that the port refuses makes the leg unreachable', (t) => {
    const h = createHarness();
    h.signalling.fault = new Error('SIP_INVALID');
    h.script = [connect([group([trunkLeg(['backup'])])])];
    h.call();
    t.match(h.results, [{ outcome: 'unreachable' }]);
    t.equal(h.legs.size, 0);
    t.end();
  });

  t.test('an identity of its own goes with a leg', (t) => {
    const h = createHarness();
    h.script = [
      connect([
        group([
          trunkLeg(['backup'], {
            identity: { mode: 'number', number: '+12025550100', headers: [['X-Rule', 'world']] },
          }),
        ]),
      ]),
    ];
    h.call();
    const { spec } = h.signalling.attempts[0]!;
    t.equal(spec.from.uri, 'sip:+12025550100@us.example');
    t.same(spec.headers, [['X-Rule', 'world']]);
    t.end();
  });

  t.test('session timers are each trunk’s own', async (t) => {
    const h = createHarness({ inTrunk: trunk('in', { sessionTimerMs: 1_800_000 }) });
    h.trunks.set('backup', trunk('backup', { sessionTimerMs: 30_000 }));
    h.script = [connect([group([trunkLeg(['backup'])])])];
    const caller = h.call();
    t.same(h.signalling.attempts[0]!.spec.timer, { expiresS: 90, minS: 90 });
    h.signalling.attempts[0]!.answer(sdp('far'));
    await settled();
    t.same(caller.answers[0]!.timer, { expiresS: 1800, minS: 90 });
  });
  t.end();
});

t.test('steps that only media can do are answered 501 and named in the log', (t) => {
  const h = createHarness();
  h.script = [
    {
      kind: 'voicemail',
      step: { ...extensionStep(), verb: 'voicemail', mailbox: 'x', maxMs: 1 },
      mailbox: 'x',
    },
  ];
  const caller = h.call();
  t.match(caller.rejections, [{ status: 501 }]);
  t.ok(h.logged.some((line) => line.event === 'step voicemail needs the media engine'));
  t.match(h.record(), {
    cause: { kind: 'needs-media', sip: 501, q850: 79 },
    lastStep: 'voicemail main.yaml:7:3',
  });
  t.same(h.results, [], 'the machine is not asked further');

  h.script = [connect([group([deviceLeg('201', { confirm: true })])], { step: ringStep() })];
  t.match(h.call().rejections, [{ status: 501 }]);
  t.equal(h.signalling.attempts.length, 0);
  t.end();
});

t.test('the caller as a leg shows it', (t) => {
  const shown = (changes: Partial<Harness['facts']>): string => {
    const h = createHarness();
    h.decision = (admitted) => {
      const facts: { caller?: string } & typeof admitted.facts = { ...admitted.facts };
      delete facts.caller;
      return { ...admitted, facts: { ...facts, ...changes } };
    };
    h.script = [connect([group([trunkLeg(['backup'])])])];
    h.call();
    return h.signalling.attempts[0]!.spec.from.uri;
  };
  t.equal(shown({ caller: '+13105550000' }), 'sip:+13105550000@us.example');
  t.equal(shown({ callerRaw: 'alice' }), 'sip:alice@us.example', 'a name where there is no number');
  t.equal(shown({ callerRaw: 'alice', extension: '201' }), 'sip:201@us.example');
  t.equal(shown({ anonymous: true }), 'sip:anonymous@us.example');
  t.end();
});

t.test('the codecs of an answer', (t) => {
  t.equal(answerCodecs(sdp('x', '8 0 9 101')), 'PCMA,PCMU,G722,telephone-event');
  t.equal(answerCodecs(sdp('x', '96', 'a=rtpmap:96 opus/48000/2\r\n')), 'opus');
  const video = 'm=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n';
  t.equal(answerCodecs(`${sdp('x', '0')}${video}`), 'PCMU;H264');
  t.equal(answerCodecs(`${sdp('x', '0')}${video.replace('5000', '0')}`), 'PCMU', 'a refused stream has none');
  t.equal(answerCodecs(`${sdp('x', '0')}m=image 6000 udptl t38\r\n`), 'PCMU;image');
  for (const odd of [
    '',
    'garbage',
    'm=',
    'm=audio',
    'm=audio 1 RTP/AVP',
    'a=rtpmap:0',
    'm=audio 1 x 0\na=rtpmap:0 ',
  ]) {
    t.type(answerCodecs(odd), 'string');
  }
  t.equal(answerCodecs(sdp('x', Array.from({ length: 200 }, (_, i) => i).join(' '))).length <= 200, true);
  t.end();
});
