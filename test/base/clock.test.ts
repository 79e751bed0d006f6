import t from 'tap';
import { systemClock } from '../../src/base/clock.js';

t.test('a time longer than Node can wait for does not become a millisecond', async (t) => {
  let ran = false;
  // What a peer gets with `Session-Expires: 2147483647`.
  const far = systemClock.after(2_147_483_615_000, () => (ran = true));
  await new Promise<void>((resolve) => {
    const keepAlive = setTimeout(() => undefined, 1000);
    systemClock.after(20, () => {
      clearTimeout(keepAlive);
      resolve();
    });
  });
  t.notOk(ran);
  far.clear();
  far.clear();
});
