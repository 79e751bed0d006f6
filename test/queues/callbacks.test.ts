import fc from 'fast-check';
import assert from 'node:assert/strict';
import t from 'tap';
import type { QueueOptions, QueueTicket } from '../../src/queues/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { createWorld, newDisk, queue, type World } from './world.js';

const AFTER = { callback: { afterMs: 60_000, key: '1' } };

/** What waits for the disk goes on. */
async function settle(world: World): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  world.flush();
}

async function promise(
  world: World,
  call: string,
  number: string,
): Promise<Awaited<ReturnType<QueueTicket['takeCallback']>>> {
  const taken = world.tickets.get(call)!.takeCallback(number);
  world.flush();
  return taken;
}

/** One agent who talks, and two callers behind. */
function busyWorld(options: Partial<QueueOptions> = {}): World {
  const world = createWorld({ queues: [queue('sales', ['201'], { ...AFTER, ...options })] });
  world.enter('talks');
  world.answer('201');
  world.enter('a', { number: '+12025550111', facts: { order: '4711' } });
  world.advance(1000);
  world.enter('b');
  return world;
}

t.test(
  'a callback is offered after a time, keeps the place, and is called when its turn comes',
  async (t) => {
    const world = busyWorld();
    world.advance(59_000);
    t.same(world.told.slice(-1), ['a may press 1']);
    t.match(await promise(world, 'a', '+12025550111'), { kind: 'promised', position: 1, durable: true });
    t.same(
      world.queues
        .snapshot()
        .queues[0]!.callers.map(({ callId, kind, number }) => `${callId} ${kind} ${number ?? ''}`),
      ['a callback +12025550111', 'b call '],
      'listed like a caller',
    );
    t.match(await promise(world, 'a', '+12025550111'), { kind: 'refused' }, 'the ticket is over');
    world.tickets.get('talks')!.ended();
    t.match(world.ringing[0]!.offer, { kind: 'callback', callId: 'a', facts: { order: '4711' } });
    world.answer('201');
    t.equal(world.placements.length, 0, 'not before it is on disk that it begins');
    t.equal([...world.disk.callbacks.values()][0]!.state, 'placing');
    await settle(world);
    t.match(world.placements, [{ placement: { agent: '201', order: 'agent-first', connection: 'leg-201' } }]);
    const ticket = world.placements[0]!.answer('a2');
    t.same(world.told.slice(-1), ['a2 connected 201 leg-201']);
    t.match([...world.disk.callbacks.values()], [{ state: 'reached', attempts: 1 }]);
    t.same(world.rung(), []);
    ticket!.ended();
    t.same(world.rung(), ['201<b']);
  },
);

t.test('who is not reached is called three times, with pauses, in the same place', async (t) => {
  const world = busyWorld();
  await promise(world, 'a', '+1');
  world.tickets.get('talks')!.ended();
  for (const attempt of [1, 2, 3]) {
    t.same(world.rung(), ['201<a'], `attempt ${attempt}`);
    world.answer('201');
    await settle(world);
    world.placements.at(-1)!.fail('no-answer');
    if (attempt < 3) {
      t.equal(world.queues.snapshot().queues[0]!.callers[0]!.state, 'paused');
      t.same(world.rung(), attempt === 1 ? ['201<b'] : [], 'the next one meanwhile');
      if (attempt === 1) world.answer('201');
      world.tickets.get('b')!.ended();
      world.advance(299_999);
      t.same(world.rung(), []);
      world.advance(1);
    }
  }
  t.match([...world.disk.callbacks.values()], [{ state: 'failed', attempts: 3 }]);
  t.equal(world.queues.snapshot().queues[0]!.callbacks, 0);
  t.same(
    world.disk.events.flatMap((event) => (event.kind === 'callback' ? [event.outcome] : [])),
    ['requested', 'placed', 'missed', 'placed', 'missed', 'placed', 'missed', 'failed'],
  );
});

t.test('caller first: the agent is kept free, and rung when the caller is there', async (t) => {
  const world = busyWorld({ callback: { afterMs: 0, key: '1', order: 'caller-first' } });
  await promise(world, 'a', '+1');
  world.tickets.get('talks')!.ended();
  await settle(world);
  t.same(world.rung(), [], 'nobody is rung yet');
  t.match(world.placements, [{ placement: { agent: '201', order: 'caller-first' } }]);
  world.placements[0]!.answer('a2');
  t.same(world.rung(), ['201<a2']);
  world.phone('201').fail('declined');
  t.equal([...world.disk.callbacks.values()][0]!.state, 'placing', 'not over until they talk');
  world.advance(5000);
  t.same(world.rung(), ['201<a2'], 'still first');
  world.answer('201');
  t.match([...world.disk.callbacks.values()], [{ state: 'reached' }]);
});

t.test('one number is promised one callback in a queue; it can be withdrawn', async (t) => {
  const world = busyWorld();
  const first = await promise(world, 'a', '+1');
  const second = await promise(world, 'b', '+1');
  t.match(second, { kind: 'already', position: 1, id: first.kind === 'promised' ? first.id : '' });
  t.equal(world.disk.callbacks.size, 1);
  const { id } = [...world.disk.callbacks.values()][0]!;
  world.tickets.get('talks')!.ended();
  world.answer('201');
  await settle(world);
  t.equal(world.queues.cancelCallback(id), true);
  t.ok(world.placements[0]!.cancelled);
  t.equal(world.placements[0]!.answer('late'), undefined);
  t.equal(world.queues.cancelCallback(id), false);
  t.equal(world.queues.agents.get('201')!.state, 'available');
  t.match([...world.disk.callbacks.values()], [{ state: 'cancelled' }]);
});

t.test('after a crash callbacks have their places again, choices of agents too', async (t) => {
  const disk = newDisk();
  const clock = createFakeClock();
  const queues = [queue('sales', ['201', '202'], AFTER), queue('later', ['203'], AFTER)];
  const world = createWorld({ queues, disk, clock });
  world.queues.agents.logout('202');
  world.queues.agents.pause('201', 'lunch');
  world.enter('a');
  clock.advance(1000);
  world.enter('b');
  await promise(world, 'b', '+2');
  clock.advance(5000);
  await promise(world, 'a', '+1');
  world.enter('x', { queue: 'later' });
  await promise(world, 'x', '+3');
  world.answer('203');
  await settle(world);
  t.equal(world.placements.length, 1);
  // The crash: the old one is never heard of again.
  const later = createFakeClock(clock.now() + 60_000);
  const after = createWorld({ queues, disk, clock: later });
  t.equal(after.queues.agents.get('202')!.state, 'logged-out');
  t.match(after.queues.agents.get('201'), { state: 'paused', reason: 'lunch' });
  t.same(
    after.queues.snapshot().queues[0]!.callers.map(({ number, waitMs }) => [number, waitMs]),
    [
      ['+1', 66_000],
      ['+2', 65_000],
    ],
  );
  t.same(after.rung(), [], 'the attempt that was cut off counts: a pause first');
  after.advance(300_000);
  t.same(after.rung(), ['203<x']);
  after.queues.configure([queues[0]!]);
  t.equal(after.queues.snapshot().queues.length, 1);
  after.queues.configure(queues);
  t.same(after.rung(), ['203<x'], 'a queue that returns has its callbacks again');
});

t.test('an agent who does not wait costs the caller no attempt; draining begins none', async (t) => {
  const world = busyWorld();
  await promise(world, 'a', '+1');
  world.tickets.get('talks')!.ended();
  world.answer('201');
  await settle(world);
  world.placements[0]!.fail('agent-gone');
  t.match([...world.disk.callbacks.values()], [{ state: 'waiting', attempts: 0 }]);
  world.queues.drain();
  world.advance(5000);
  t.same(world.rung(), ['201<b'], 'who is on the line is served');
  t.same(world.enter('z'), { kind: 'refused', outcome: 'empty' });
});

t.test('whatever happens, crashes too: no callback is forgotten, none placed twice', async (t) => {
  const steps = fc.array(fc.record({ what: fc.nat(9), a: fc.nat(1000) }), { minLength: 60, maxLength: 60 });
  const order = fc.constantFrom('agent-first' as const, 'caller-first' as const);
  await fc.assert(
    fc.asyncProperty(steps, order, async (happenings, order) => {
      const disk = newDisk();
      const callback = { afterMs: 0, key: '1', order, attempts: 3, retryMs: 20_000 };
      const queues = [
        queue('sales', ['201', '202'], { callback }),
        queue('support', ['202', '203'], { callback }),
      ];
      let clock = createFakeClock();
      let world = createWorld({ queues, disk, clock });
      let calls = 0;
      let open = new Map<string, QueueTicket>();
      const dialled = new Map<string, number>();
      const promised = new Set<string>();

      for (const { what, a } of happenings) {
        const placement = world.placements[a % Math.max(1, world.placements.length)];
        const ring = world.ringing[a % Math.max(1, world.ringing.length)];
        switch (what) {
          case 0:
          case 1:
          case 2: {
            const call = `c${calls++}`;
            if (world.enter(call, { queue: a % 2 === 0 ? 'sales' : 'support' }).kind === 'refused') break;
            const taken = await promise(world, call, `+${a % 7}`);
            if (taken.kind === 'promised') promised.add(taken.id);
            break;
          }
          case 3:
          case 4:
            if (ring !== undefined) ring.answer();
            break;
          case 5:
            if (ring !== undefined) ring.fail('declined');
            break;
          case 6:
            if (placement === undefined) break;
            world.placements.splice(world.placements.indexOf(placement), 1);
            if (a % 3 === 0) placement.fail(a % 2 === 0 ? 'busy' : 'agent-gone');
            else {
              const call = `r${calls++}`;
              const ticket = placement.answer(call);
              if (ticket !== undefined) open.set(call, ticket);
            }
            break;
          case 7:
            for (const [call, ticket] of open) {
              ticket.leave('abandoned');
              ticket.ended();
              open.delete(call);
            }
            break;
          case 8:
            world.advance([1000, 15_000, 25_000][a % 3]!);
            for (const agent of ['201', '202', '203']) world.queues.agents.resume(agent);
            break;
          case 9:
            if (a % 3 !== 0) break;
            clock = createFakeClock(clock.now() + 1000);
            world = createWorld({ queues, disk, clock });
            open = new Map();
            break;
        }
        await settle(world);
        check();
      }

      function check(): void {
        const listed = world.queues.snapshot().queues.flatMap(({ callers }) => callers);
        const ids = listed.flatMap((caller) => (caller.callback === undefined ? [] : [caller.callback.id]));
        assert.equal(new Set(ids).size, ids.length, 'in one place only');
        const live = world.placements
          .filter(({ cancelled }) => !cancelled)
          .map(({ placement }) => placement.callback.id);
        assert.equal(new Set(live).size, live.length, 'one call at a time');
        for (const id of promised) {
          const record = disk.callbacks.get(id)!;
          const isOver = record.endedAt !== undefined;
          assert.equal(
            ids.includes(id),
            !isOver,
            `${id} is ${record.state}, and is ${ids.includes(id) ? '' : 'not '}there`,
          );
          assert.ok(record.attempts <= 3);
          if (isOver) assert.ok(!live.includes(id), 'not called when it is over');
          assert.ok(record.attempts >= (dialled.get(id) ?? 0) - 1);
          dialled.set(id, record.attempts);
        }
      }
    }),
    { numRuns: 150, endOnFailure: true },
  );
  t.pass();
});
