import t from 'tap';
import { createWorld, queue } from './world.js';

t.test('who waits longest is served first, and a higher priority before', (t) => {
  const world = createWorld({ queues: [queue('sales', ['201'])] });
  world.enter('a');
  world.answer('201');
  t.same(world.told, ['a offered 201', 'a connected 201 leg-201']);
  world.enter('b');
  world.advance(1000);
  world.enter('c');
  world.enter('vip', { priority: 5 });
  t.same(world.rung(), [], 'the agent talks');
  t.same(
    world.queues.snapshot().queues[0]!.callers.map(({ callId }) => callId),
    ['vip', 'b', 'c'],
  );
  world.tickets.get('a')!.ended();
  t.same(world.rung(), ['201<vip']);
  world.tickets.get('vip')!.leave('abandoned');
  t.same(world.rung(), ['201<b'], 'the ring is taken back, and the next caller is offered');
  t.end();
});

t.test('an agent of two queues gets the caller who waits longest in either', (t) => {
  const world = createWorld({ queues: [queue('sales', ['201']), queue('support', ['201'])] });
  world.enter('first');
  world.answer('201');
  world.enter('b', { queue: 'support' });
  world.advance(10);
  world.enter('c', { queue: 'sales' });
  world.tickets.get('first')!.ended();
  t.same(world.rung(), ['201<b'], 'rung by one queue only');
  t.end();
});

t.test('strategies', (t) => {
  const three = ['201', '202', '203'];
  const order = (strategy: Parameters<typeof queue>[2] & object, random?: () => number): string[] => {
    const world = createWorld({ queues: [queue('sales', three, strategy)], ...(random && { random }) });
    const order: string[] = [];
    for (let call = 0; call < 4; call++) {
      world.enter(`c${call}`);
      order.push(world.rung().join(' ').replaceAll(`<c${call}`, ''));
      world.ringing[0]!.answer();
      world.advance(1000);
      world.tickets.get(`c${call}`)!.ended();
      world.advance(1000);
    }
    return order;
  };
  t.same(order({ strategy: 'ring-all' }), Array(4).fill('201 202 203'));
  t.same(order({ strategy: 'round-robin' }), ['201', '202', '203', '201']);
  t.same(order({ strategy: 'longest-idle' }), ['201', '202', '203', '201']);
  t.same(order({ strategy: 'fewest-calls' }), ['201', '202', '203', '201']);
  t.same(order({ strategy: 'top-down' }), ['201', '201', '201', '201']);
  t.same(
    order({ strategy: 'random' }, () => 0.5),
    ['202', '202', '202', '202'],
  );
  t.end();
});

t.test('tiers before penalties, and a higher tier only while the lower one has nobody free', (t) => {
  const agents = [
    { extension: '201', tier: 2 },
    { extension: '202', tier: 1, penalty: 5 },
    { extension: '203', tier: 1 },
  ];
  const world = createWorld({ queues: [queue('sales', agents, { strategy: 'ring-all' })] });
  for (const call of ['a', 'b', 'c']) world.enter(call);
  t.same(world.rung(), ['201<c', '202<b', '203<a']);
  t.end();
});

t.test('skills: the best agent for what is wanted; less is enough after a time', (t) => {
  const agents = [
    { extension: '201', skills: { german: 2 } },
    { extension: '202', skills: { german: 8 } },
    { extension: '203', skills: { german: 6 } },
  ];
  const options = { strategy: 'skills', relax: [{ afterMs: 60_000, skills: { german: 1 } }] } as const;
  const world = createWorld({ queues: [queue('sales', agents, options)] });
  world.enter('a', { skills: { german: 5 } });
  world.enter('b', { skills: { german: 5 } });
  world.enter('c', { skills: { german: 5 } });
  t.same(world.rung(), ['202<a', '203<b'], '201 does not know enough');
  world.answer('202');
  world.answer('203');
  world.advance(59_999);
  t.same(world.rung(), []);
  world.enter('d');
  t.same(world.rung(), ['201<d'], 'who wants nothing special goes by');
  world.answer('201');
  world.tickets.get('d')!.ended();
  t.same(world.rung(), []);
  world.advance(1);
  t.same(world.rung(), ['201<c']);
  t.end();
});

t.test(
  'overflow: after a time the agents of another queue are asked too, its own callers are not passed over',
  (t) => {
    const world = createWorld({
      queues: [
        queue('sales', ['201'], { overflow: [{ afterMs: 30_000, also: 'support' }] }),
        queue('support', ['301']),
      ],
    });
    world.enter('a');
    world.answer('201');
    world.enter('b');
    world.advance(29_999);
    t.same(world.rung(), []);
    world.advance(1);
    t.same(world.rung(), ['301<b']);
    t.equal(world.ringing[0]!.offer.queue, 'sales');
    world.answer('301');
    world.enter('c');
    world.advance(10_000);
    world.enter('d', { queue: 'support' });
    world.advance(30_000);
    world.tickets.get('b')!.ended();
    t.same(world.rung(), ['301<c'], 'the older one first, wherever from');
    t.end();
  },
);

t.test('a ring that is not taken: the next agent, a rest, and a pause after three', (t) => {
  const world = createWorld({ queues: [queue('sales', ['201', '202'], { strategy: 'top-down' })] });
  world.enter('a');
  world.phone('201').fail('declined');
  t.same(world.rung(), ['202<a']);
  t.equal(world.queues.agents.get('201')!.state, 'resting');
  world.phone('202').fail('busy');
  t.same(world.rung(), [], 'both rest');
  world.advance(5000);
  t.same(world.rung(), ['201<a']);
  const phone = world.phone('201');
  world.advance(15_000);
  t.ok(phone.cancelled, 'the queue ends the ring');
  t.equal(phone.answer(), false, 'an answer that crosses it comes too late');
  world.phone('202').fail('unreachable');
  world.advance(5000);
  world.phone('201').fail('no-answer');
  const view = world.queues.agents.get('201')!;
  t.equal(view.state, 'paused');
  t.equal(view.reason, 'no-answer');
  t.equal(world.queues.agents.resume('201').kind, 'done');
  t.equal(world.queues.agents.get('201')!.state, 'available');
  t.same(
    world.disk.events.flatMap((event) => (event.kind === 'missed' ? [event.outcome] : [])),
    ['declined', 'busy', 'no-answer', 'unreachable', 'no-answer'],
  );
  t.end();
});

t.test('ring-all: the first who answers has the caller, the others stop and are free', (t) => {
  const world = createWorld({ queues: [queue('sales', ['201', '202'], { strategy: 'ring-all' })] });
  world.enter('a');
  const [first, second] = [world.phone('201'), world.phone('202')];
  t.equal(second.answer(), true);
  t.ok(first.cancelled);
  t.equal(first.answer(), false);
  world.enter('b');
  t.same(world.rung(), ['201<b']);
  t.end();
});

t.test('an agent wraps up after a call, and may cut it short', (t) => {
  const world = createWorld({ queues: [queue('sales', ['201'], { wrapUpMs: 30_000 })] });
  world.enter('a');
  world.answer('201');
  world.advance(60_000);
  world.tickets.get('a')!.ended({ holdMs: 10_000, transferred: true });
  world.tickets.get('a')!.ended();
  world.enter('b');
  t.equal(world.queues.agents.get('201')!.state, 'wrap-up');
  world.advance(20_000);
  t.same(world.rung(), []);
  world.queues.agents.resume('201');
  t.same(world.rung(), ['201<b']);
  const of = (kind: string): unknown[] => world.disk.events.filter((event) => event.kind === kind);
  t.match(of('ended'), [{ ms: 50_000, holdMs: 10_000, transferred: true }]);
  t.match(of('wrapped'), [{ ms: 20_000 }]);
  t.end();
});

t.test('log-out, pause and calls from elsewhere take a ring back; the caller goes to the next agent', (t) => {
  const world = createWorld({
    queues: [queue('sales', ['201', '202', '203', '204'], { strategy: 'top-down' })],
  });
  world.enter('a');
  world.queues.agents.logout('201');
  t.same(world.rung(), ['202<a']);
  world.queues.agents.pause('202', 'lunch');
  t.same(world.rung(), ['203<a']);
  world.queues.agents.busy('203', true);
  t.same(world.rung(), ['204<a']);
  t.same(
    world.queues.snapshot().agents.map(({ state }) => state),
    ['logged-out', 'paused', 'busy', 'ringing'],
  );
  t.same(world.queues.agents.login('999'), { kind: 'refused', reason: 'not-an-agent' });
  t.same(world.queues.agents.login('201', ['support']), { kind: 'refused', reason: 'not-in-queue' });
  world.answer('204');
  world.queues.agents.pause('204', 'training');
  t.equal(world.queues.agents.get('204')!.state, 'talking', 'a pause waits for the end of the call');
  world.tickets.get('a')!.ended();
  t.equal(world.queues.agents.get('204')!.state, 'paused');
  t.end();
});

t.test('full, empty, and what becomes of the waiting when the last agent goes', (t) => {
  const world = createWorld({ queues: [queue('sales', ['201'], { maxCallers: 2 })] });
  t.same(world.enter('nowhere', { queue: 'gone' }), { kind: 'refused', outcome: 'empty' });
  world.enter('a');
  world.enter('b');
  t.same(world.enter('c'), { kind: 'refused', outcome: 'full' });
  world.answer('201');
  t.equal(world.enter('c').kind, 'waiting', 'who talks waits no more');
  world.queues.agents.logout('201');
  t.same(world.enter('d'), { kind: 'refused', outcome: 'empty' });
  world.advance(20_000);
  world.queues.agents.login('201');
  world.advance(20_000);
  t.notOk(world.told.includes('b left empty'), 'the agent came back in time');
  world.queues.agents.logout('201');
  world.advance(30_000);
  t.same(world.told.slice(-2), ['b left empty', 'c left empty']);
  t.end();
});

t.test('the longest wait ends by the clock, but not while a phone rings', (t) => {
  const world = createWorld({ queues: [queue('sales', ['201'], { maxWaitMs: 60_000 })] });
  world.enter('talks');
  world.answer('201');
  world.enter('a');
  world.enter('b', { maxWaitMs: 10_000 });
  world.advance(10_000);
  t.same(world.told.slice(-1), ['b left timeout']);
  world.advance(45_000);
  world.tickets.get('talks')!.ended();
  t.same(world.rung(), ['201<a']);
  world.advance(10_000);
  t.same(world.rung(), ['201<a'], 'somebody may pick up');
  world.phone('201').fail('no-answer');
  t.same(world.told.slice(-1), ['a left timeout']);
  t.end();
});

t.test('callers keep their places over a reload; those of a removed queue leave', (t) => {
  const world = createWorld({ queues: [queue('sales', ['201']), queue('old', ['201'])] });
  world.enter('talks');
  world.answer('201');
  for (const call of ['a', 'b', 'c']) world.enter(call);
  world.enter('o', { queue: 'old' });
  world.queues.configure([queue('sales', ['202', '203'], { strategy: 'top-down' })]);
  t.same(world.rung(), ['202<a', '203<b'], 'new agents serve who was there');
  t.ok(world.told.includes('o left empty'));
  t.equal(world.queues.agents.get('201')?.state, 'talking', 'a conversation goes on');
  world.tickets.get('talks')!.ended();
  t.equal(world.queues.agents.get('201'), undefined);
  t.end();
});

t.test('announcements tell the place, and a range of waits only when it is known', (t) => {
  const options = { announce: { position: true, wait: true, everyMs: 30_000 }, maxWaitMs: 3_600_000 };
  const world = createWorld({ queues: [queue('sales', ['201'], options)] });
  const next = (id: string): void => {
    world.enter(id);
    if (world.ringing.length > 0) world.answer('201');
  };
  next('c0');
  next('c1');
  next('c2');
  world.advance(5000);
  t.same(world.told.slice(-2), ['c1 announce 1 -', 'c2 announce 2 -']);
  // One conversation a minute: who enters behind one other waits for two minutes or a little less.
  for (let call = 3; call < 20; call++) {
    world.advance(60_000);
    world.tickets.get(`c${call - 3}`)!.ended();
    world.answer('201');
    next(`c${call}`);
  }
  world.advance(5000);
  t.same(world.told.slice(-1), ['c19 announce 2 2-3']);
  t.same(world.tickets.get('c18')!.place(), { position: 1, wait: { atLeastMs: 60_000, atMostMs: 120_000 } });
  world.advance(7_200_000);
  t.end();
});

t.test('estimates hold for most callers of a busy queue', (t) => {
  // Nine agents, one caller in eleven seconds on average, a hundred seconds of talk: nearly all have to wait.
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x80000000;
  const agents = Array.from({ length: 9 }, (_, index) => String(201 + index));
  const world = createWorld({ queues: [queue('sales', agents)], random });
  const promised = new Map<string, { at: number; least: number; most: number }>();
  let [inside, judged, silent] = [0, 0, 0];
  let nextAt = 0;
  const ends: { at: number; id: string }[] = [];
  for (let now = 0, id = 0; now < 4 * 3_600_000; now += 1000) {
    world.advance(1000);
    for (const end of ends.filter(({ at }) => at <= now)) {
      ends.splice(ends.indexOf(end), 1);
      world.tickets.get(end.id)!.ended();
    }
    if (nextAt <= now) {
      nextAt = now - Math.log(1 - random()) * 11_000;
      world.enter(`c${id}`);
      const wait = world.tickets.get(`c${id}`)!.place()?.wait;
      const at = world.clock.now();
      if (wait !== undefined) promised.set(`c${id}`, { at, least: wait.atLeastMs, most: wait.atMostMs });
      else silent++;
      id++;
    }
    for (const ring of [...world.ringing]) {
      const call = ring.offer.callId;
      const promise = promised.get(call);
      if (promise !== undefined && ring.offer.waitedMs > 0) {
        judged++;
        const waited = world.clock.now() - promise.at;
        if (waited >= promise.least && waited <= promise.most) inside++;
      }
      ring.answer();
      ends.push({ at: now - Math.log(1 - random()) * 100_000, id: call });
    }
  }
  t.ok(judged > 500, `${judged} promises, ${silent} callers were told nothing`);
  t.ok(
    inside / judged > 0.6,
    `${Math.round((100 * inside) / judged)} % of the waits lay within what was said`,
  );
  t.end();
});
