import t from 'tap';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { createEmbeddedEngine } from '../../src/media/index.js';
import { encodeA, encodeMu } from '../../src/media/codec/g711.js';
import { readFileSync } from 'node:fs';
import { contract } from './contract.js';

function shared(bytes: Uint8Array): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

t.test('the embedded engine keeps the contract', (t) => {
  contract(t, () =>
    createEmbeddedEngine(
      {},
      {
        clock: systemClock,
        logger: silentLogger,
        random: Math.random,
        cache: {
          get: async (clip) => {
            if (clip.kind !== 'file') throw new Error('none');
            const data = readFileSync(clip.path);
            const pcm = new Int16Array((data.length - 44) / 2);
            for (let i = 0; i < pcm.length; i++) pcm[i] = data.readInt16LE(44 + i * 2);
            return { mu: shared(encodeMu(pcm)), a: shared(encodeA(pcm)) };
          },
        },
      },
    ),
  );
  t.end();
});
