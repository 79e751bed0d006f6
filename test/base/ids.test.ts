import t from 'tap';
import { newOrderedUuid, newUuid, randomHex } from '../../src/base/ids.js';

t.test('ids are UUIDs, differ, and those in order sort as they were made', (t) => {
  const ids = Array.from({ length: 20_000 }, newOrderedUuid);
  t.same(ids, [...ids].sort());
  t.equal(new Set(ids).size, ids.length);
  const wrong = ids.filter(
    (id) => !/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id),
  );
  t.same(wrong, []);
  const madeAt = parseInt(ids[0]!.replace('-', '').slice(0, 12), 16);
  t.ok(Math.abs(madeAt - Date.now()) < 60_000, 'they say when they were made');
  t.match(newUuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  t.match(randomHex(10), /^[0-9a-f]{20}$/);
  t.end();
});
