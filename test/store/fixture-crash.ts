// Writes calls without a pause and tells its parent the id of each that the store called answered, until it is killed.
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { openStore } from '../../src/store/index.js';

const store = await openStore(
  { path: process.argv[2]!, durability: 'crash', keepRecordsMs: 86_400_000 },
  { clock: systemClock, logger: silentLogger },
);

setInterval(() => undefined, 1000);
for (let i = 0; ; i++) {
  const id = `call-${i}`;
  const setupAt = Date.now();
  store.records.open({
    id,
    state: 'ringing',
    direction: 'inbound',
    sipCallId: id,
    sourceAddress: '127.0.0.1',
    callerRaw: '1',
    dialedRaw: '2',
    dialed: '2',
    planRevision: 1,
    setupAt,
    trace: '[]',
  });
  store.records.openLeg({
    id: `${id}/1`,
    recordId: id,
    sequence: 1,
    kind: 'trunk',
    target: 'a',
    uri: 'sip:a',
    startedAt: setupAt,
  });
  await store.records.answered(id, { state: 'answered', answerAt: Date.now() });
  process.send!(id);
  if (i % 2 === 0) {
    const cause = { sip: 200, by: 'caller', kind: 'normal' } as const;
    store.records.updateLeg(`${id}/1`, { endAt: Date.now(), cause });
    store.records.close(id, { state: 'ended', endAt: Date.now(), cause });
  }
}
