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
