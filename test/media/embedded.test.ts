import t from 'tap';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { createAudioCache, createEmbeddedEngine } from '../../src/media/index.js';
import { contract } from './contract.js';

t.test('the embedded engine keeps the contract', (t) => {
  contract(t, () =>
    createEmbeddedEngine(
      {},
      {
        clock: systemClock,
        logger: silentLogger,
        random: Math.random,
        cache: createAudioCache({ maxBytes: 10_000_000 }),
      },
    ),
  );
  t.end();
});
