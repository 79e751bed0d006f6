import Sqlite from 'better-sqlite3';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { AppError } from '../../src/base/errors.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import type { CallRecord, LegRecord } from '../../src/model/index.js';
import { checkpoint } from '../../src/store/checkpoints.js';
import type { openStore as openFromSource } from '../../src/store/index.js';
import { openStore, type Store, type StoreOptions } from '../../src/store/index.js';

const deps = { clock: systemClock, logger: silentLogger };
// The store's timers do not keep a process alive; in the server its sockets do.
const alive = setInterval(() => undefined, 1000);
t.teardown(() => clearInterval(alive));
const DAY_MS = 86_400_000;

function options(folder: string): StoreOptions {
  return { path: join(folder, 'data', 'trunkline.db'), durability: 'crash', keepRecordsMs: 400 * DAY_MS };
}

function call(id: string, fields: Partial<CallRecord> = {}): CallRecord {
  return {
    id,
    state: 'ringing',
    direction: 'inbound',
    sipCallId: `${id}@192.0.2.1`,
    trunk: 'acme',
    sourceAddress: '192.0.2.1',
    callerRaw: '2025550111',
    caller: '+12025550111',
    dialedRaw: '+12025550203',
    dialed: '+12025550203',
    did: '+12025550203',
    planRevision: 1,
    setupAt: 1_000,
    trace: '[]',
    ...fields,
  };
}

function leg(id: string, recordId: string, fields: Partial<LegRecord> = {}): LegRecord {
  return {
    id,
    recordId,
    sequence: 1,
    kind: 'extension',
    target: '203',
    uri: 'sip:203@127.0.0.1:5070',
    startedAt: 1_001,
    ...fields,
  };
}

async function codeOf(opening: Promise<Store>): Promise<string> {
  try {
    await (await opening).close();
    return 'opened';
  } catch (error) {
    return `${(error as AppError).code} ${(error as AppError).message}`;
  }
}

t.test('a call is recorded from its start to its end, with its legs', async (t) => {
  const store = await openStore(options(t.testdir()), deps);
  const commits = store.stats().commits;
  store.records.open(call('a', { callerName: 'Ann' }));
  store.records.openLeg(leg('a1', 'a', { sequence: 1, target: 'acme', kind: 'trunk' }));
  store.records.updateLeg('a1', { endAt: 1_500, cause: { sip: 486, q850: 17, by: 'callee', kind: 'busy' } });
  store.records.openLeg(leg('a/2', 'a', { sequence: 2, startedAt: 1_501 }));
  await store.records.answered('a', {
    state: 'answered',
    ringAt: 1_600,
    answerAt: 1_700,
    codecs: 'PCMU',
    rule: 'main.yaml:4',
  });
  t.equal(store.stats().commits, commits + 1, 'all of it in one group');
  store.records.updateLeg('a/2', { ringAt: 1_600, answerAt: 1_700, sipCallId: 'x@y', codecs: 'PCMU' });
  const cause = { sip: 200, q850: 16, text: 'Normal call clearing', by: 'caller', kind: 'normal' } as const;
  store.records.close('a', { state: 'ended', endAt: 9_000, cause, lastStep: 'ring', did: '+12025550299' });
  t.same(await store.records.get('a'), {
    record: {
      ...call('a', { callerName: 'Ann' }),
      state: 'ended',
      ringAt: 1_600,
      answerAt: 1_700,
      endAt: 9_000,
      codecs: 'PCMU',
      rule: 'main.yaml:4',
      did: '+12025550299',
      lastStep: 'ring',
      cause,
    },
    legs: [
      {
        ...leg('a1', 'a', { sequence: 1, target: 'acme', kind: 'trunk' }),
        endAt: 1_500,
        cause: { sip: 486, q850: 17, by: 'callee', kind: 'busy' },
      },
      {
        ...leg('a/2', 'a', { sequence: 2, startedAt: 1_501 }),
        ringAt: 1_600,
        answerAt: 1_700,
        sipCallId: 'x@y',
        codecs: 'PCMU',
      },
    ],
  });
  t.equal(await store.records.get('b'), undefined);
  store.records.updateLeg('unknown', { endAt: 1 });
  store.records.updateLeg('b/1', { endAt: 1 });
  store.records.open(call('long', { callerName: 'x'.repeat(5_000), trace: `["${'x'.repeat(100_000)}"]` }));
  const long = await store.records.get('long');
  t.equal(long?.record.callerName?.length, 1024, 'texts are bounded');
  t.match(JSON.parse(long?.record.trace ?? ''), [{ kind: 'note' }], 'a huge trace stays JSON');
  await store.close();
  await store.close();
});

t.test('records are listed newest first, by each filter, page by page', async (t) => {
  const store = await openStore(options(t.testdir()), deps);
  const { records } = store;
  for (let i = 0; i < 60; i++) {
    records.open(
      call(`c${i}`, {
        setupAt: 1_000 + Math.floor(i / 3),
        trunk: i % 2 === 0 ? 'acme' : 'other',
        caller: i % 5 === 0 ? '+12025550111' : `+1202556${String(i).padStart(4, '0')}`,
        ...(i % 7 === 0 && { did: '+12025550111' }),
      }),
    );
    if (i < 50) {
      const busy = i % 10 === 3;
      records.close(`c${i}`, {
        state: 'ended',
        endAt: 5_000,
        cause: { sip: busy ? 486 : 200, by: 'callee', kind: busy ? 'busy' : 'normal' },
      });
    }
  }
  const all = async (query: Parameters<typeof records.list>[0]): Promise<string[]> => {
    const ids: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await records.list({ ...query, ...(cursor !== undefined && { cursor }) });
      ids.push(...page.records.map((record) => record.id));
      cursor = page.next;
      if (++pages > 100) throw new Error('pages without an end');
    } while (cursor !== undefined);
    return ids;
  };
  const numbers = Array.from({ length: 60 }, (_, i) => 59 - i);
  const ids = (test: (i: number) => boolean): string[] => numbers.filter(test).map((i) => `c${i}`);
  t.same(
    await all({ limit: 7 }),
    ids(() => true),
    'each once, ties in the order of arrival',
  );
  t.same(
    await all({ limit: 60 }),
    ids(() => true),
  );
  t.same(
    await all({ since: 1_005, until: 1_010, limit: 4 }),
    ids((i) => i >= 15 && i < 30),
  );
  t.same(
    await all({ number: '+12025550111', limit: 3 }),
    ids((i) => i % 5 === 0 || i % 7 === 0),
    'caller or DID',
  );
  t.same(
    await all({ trunk: 'other', limit: 11 }),
    ids((i) => i % 2 === 1),
  );
  t.same(
    await all({ state: 'ringing', limit: 3 }),
    ids((i) => i >= 50),
  );
  t.same(
    await all({ state: 'ended', trunk: 'acme', limit: 9 }),
    ids((i) => i < 50 && i % 2 === 0),
  );
  t.same(
    await all({ cause: 'busy', limit: 2 }),
    ids((i) => i < 50 && i % 10 === 3),
  );
  t.same(
    await all({ cause: '486', number: '+12025550111' }),
    ids((i) => i < 50 && i % 10 === 3 && (i % 5 === 0 || i % 7 === 0)),
  );
  for (const wrong of [
    { limit: 0 },
    { limit: 501 },
    { cursor: 'nonsense' },
    { number: '' },
    { since: 0.5 },
    { trunk: 'x'.repeat(129) },
  ]) {
    await t.rejects(records.list(wrong), { code: 'REQUEST_INVALID' });
  }
  const plan = (sql: string): string =>
    JSON.stringify(
      new Sqlite(options(t.testdirName).path, { readonly: true })
        .prepare(`EXPLAIN QUERY PLAN ${sql.replace('?', "'x'")}`)
        .all(),
    );
  const order = 'number < 9 AND number >= 0 ORDER BY number DESC';
  for (const [where, index] of [
    ['', 'INTEGER PRIMARY KEY'],
    ['caller = ? AND', 'calls_by_caller'],
    ['coalesce(did, dialed) = ? AND', 'calls_by_called'],
    ['trunk = ? AND', 'calls_by_trunk'],
    ['end_at IS NULL AND', 'calls_open'],
  ] as const) {
    t.match(plan(`SELECT * FROM calls WHERE ${where} ${order}`), index);
  }
  await store.close();
});

t.test(
  'times are searched exactly, though the clock was set back and forth and records were deleted',
  async (t) => {
    const store = await openStore({ ...options(t.testdir()), keepRecordsMs: DAY_MS }, deps);
    const now = Date.now();
    const calls = new Map<string, number>();
    let at = now - 3 * DAY_MS;
    for (let i = 0; i < 600; i++) {
      // Mostly some minutes on, now and then hours forth or back.
      at += i % 97 === 50 ? -20 * 3_600_000 : i % 61 === 40 ? 9 * 3_600_000 : (i * 7919) % 600_000;
      calls.set(`c${i}`, at);
      store.records.open(call(`c${i}`, { setupAt: at, state: 'ended', endAt: at + 5 }));
      if (i % 100 === 0) await store.flush();
    }
    const check = async (since: number, until: number): Promise<void> => {
      const wanted = [...calls]
        .filter(([, setupAt]) => setupAt >= since && setupAt < until)
        .map(([id]) => id);
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.records.list({
          since,
          until,
          limit: 50,
          ...(cursor !== undefined && { cursor }),
        });
        found.push(...page.records.map((record) => record.id));
        cursor = page.next;
      } while (cursor !== undefined);
      t.same(found, wanted.reverse(), `${wanted.length} calls`);
    };
    const ranges = [0, 1, 2, 3, 4, 5].map((i) => now - 3 * DAY_MS + i * 5 * 3_600_000);
    for (const since of ranges)
      for (const width of [1, 600_000, 7 * 3_600_000]) await check(since, since + width);
    await check(now + 400 * DAY_MS, now + 401 * DAY_MS);
    await check(0, 1);
    const newest = `c${calls.size - 1}`;
    for (const [id, setupAt] of calls) if (setupAt < now - DAY_MS && id !== newest) calls.delete(id);
    t.ok((await store.sweep()) > 100);
    for (const since of ranges) await check(since, since + 12 * 3_600_000);
    store.records.open(call('after', { setupAt: now }));
    calls.set('after', now);
    await check(now, now + 1);
    await store.close();
  },
);

t.test(
  'after kill -9 answered calls are there, and the next start ends the open ones as interrupted',
  async (t) => {
    const folder = t.testdir();
    const child = fork(new URL('fixture-crash.ts', import.meta.url), [options(folder).path], {
      execArgv: process.execArgv,
    });
    const answered: string[] = [];
    const exited = once(child, 'exit');
    await new Promise<void>((resolve) => {
      child.on('message', (id: string) => {
        answered.push(id);
        if (answered.length === 200) {
          child.kill('SIGKILL');
          resolve();
        }
      });
    });
    await exited;
    const store = await openStore(options(folder), deps);
    t.ok(store.interruptedCalls > 0);
    for (const id of answered) {
      const found = await store.records.get(id);
      t.ok(found?.record.answerAt, `${id} is there`);
      if (found?.record.cause?.kind === 'interrupted') {
        t.ok(found.record.endAt! >= found.record.answerAt! && found.record.endAt! <= Date.now());
        t.match(found.legs, [{ cause: { kind: 'interrupted' } }]);
      } else t.equal(found?.record.cause?.kind, 'normal');
    }
    t.same((await store.records.list({ state: 'answered' })).records, []);
    t.same((await store.records.list({ state: 'ringing' })).records, []);
    await store.close();
    const again = await openStore(options(folder), deps);
    t.equal(again.interruptedCalls, 0);
    await again.close();
  },
);

t.test('what keeps the database from being opened is one clear line', async (t) => {
  const folder = t.testdir();
  const first = await openStore(options(folder), deps);
  t.match(
    await codeOf(openStore(options(folder), deps)),
    new RegExp(`^STORE_LOCKED .*process ${process.pid}$`),
  );
  await first.close();
  t.equal(await codeOf(openStore(options(folder), deps)), 'opened');

  const file = join(folder, 'file');
  writeFileSync(file, 'x');
  t.match(
    await codeOf(openStore({ ...options(folder), path: join(file, 'a.db') }, deps)),
    /^STORE_UNWRITABLE .*cannot be made/,
  );

  const { path } = options(folder);
  const damaged = async (prepare: (database: Sqlite.Database) => void): Promise<string> => {
    const database = new Sqlite(path);
    prepare(database);
    database.close();
    return codeOf(openStore(options(folder), deps));
  };
  t.match(
    await damaged((database) => void database.pragma('user_version = 99')),
    /^STORE_TOO_NEW .*schema 99/,
  );
  t.match(
    await damaged((database) => void database.exec('PRAGMA user_version = 1; PRAGMA application_id = 7')),
    /^STORE_DAMAGED .*another program/,
  );
  const whole = readFileSync(path);
  truncateSync(path, whole.length - 4096);
  t.match(await codeOf(openStore(options(folder), deps)), /^STORE_DAMAGED .*cut off/);
  writeFileSync(path, 'this is no database, though it is long enough to be looked at as one '.repeat(50));
  t.match(await codeOf(openStore(options(folder), deps)), /^STORE_DAMAGED .*not a database/);
  writeFileSync(path, whole.fill(0x5a, 5_000, 9_000));
  t.match(await codeOf(openStore(options(folder), deps)), /^STORE_DAMAGED /);
});

t.test(
  'a row that cannot be written holds up no other; while nothing can be written calls go on',
  async (t) => {
    const folder = t.testdir();
    const alarms: string[] = [];
    const errors: string[] = [];
    const logger = { ...silentLogger, error: (_: object, event: string) => void errors.push(event) };
    const store = await openStore(options(folder), {
      clock: systemClock,
      logger,
      onAlarm: (alarm) => void alarms.push(alarm.kind),
    });
    store.records.open({ ...call('bad'), setupAt: {} as number });
    store.records.open(call('good'));
    await store.flush();
    t.same(errors, ['record not written']);
    t.equal(store.stats().lostRows, 1);
    t.ok(await store.records.get('good'));

    const other = new Sqlite(options(folder).path);
    other.exec('BEGIN IMMEDIATE');
    store.records.open(call('late'));
    await store.records.answered('late', { state: 'answered', answerAt: 2_000 });
    t.same(alarms, ['records-not-written'], 'told once');
    t.equal(store.stats().state, 'failing');
    await store.records.answered('late', { codecs: 'PCMU' });
    await t.rejects(store.revisions.save({ hash: 'h', who: 'x', files: {} }), { code: 'STORE_UNWRITABLE' });
    other.exec('ROLLBACK');
    other.close();
    while (store.stats().state === 'failing') await delay(20);
    t.same(alarms, ['records-not-written', 'records-written-again']);
    t.match(await store.records.get('late'), { record: { answerAt: 2_000, codecs: 'PCMU' } });
    await store.close();
  },
);

t.test('records past their time are deleted with their legs, running calls are not', async (t) => {
  const folder = t.testdir();
  const store = await openStore({ ...options(folder), keepRecordsMs: DAY_MS }, deps);
  const now = Date.now();
  for (let i = 0; i < 450; i++) {
    store.records.open(call(`old${i}`, { setupAt: now - 2 * DAY_MS, state: 'ended', endAt: now }));
    store.records.openLeg(leg(`l${i}`, `old${i}`));
  }
  store.records.open(call('running', { setupAt: now - 2 * DAY_MS }));
  store.records.open(call('new', { setupAt: now, state: 'ended', endAt: now }));
  await store.flush();
  t.equal(await store.sweep(), 450);
  t.same(
    (await store.records.list({})).records.map((record) => record.id),
    ['new', 'running'],
  );
  await store.close();
  const database = new Sqlite(options(folder).path);
  t.equal(database.prepare('SELECT count(*) FROM legs').pluck().get(), 0);
  database.close();
});

t.test('revisions, bans, registrations and state outlive a restart', async (t) => {
  const folder = t.testdir();
  let store = await openStore<{ device: string; contact: string; expiresAt: number; path: string[] }>(
    options(folder),
    deps,
  );
  t.equal(store.revisions.latest(), undefined);
  const files = new Map([
    ['main.yaml', 'numbers: []'],
    ['dids.csv', 'did,name\n'.repeat(1000)],
  ]);
  t.equal(await store.revisions.save({ hash: 'h1', who: 'start', files }), 1);
  t.equal(
    await store.revisions.save({ hash: 'h1', who: 'start', files }),
    1,
    'an unchanged plan is no new revision',
  );
  t.equal(
    await store.revisions.save({
      hash: 'h2',
      who: 'ops',
      files: { 'main.yaml': 'x', 'dids.csv': files.get('dids.csv')! },
    }),
    2,
  );
  t.equal(
    await store.revisions.save({ hash: 'h1', who: 'ops', files }),
    3,
    'an old plan put back is a new revision',
  );
  const ban = {
    address: '192.0.2.9',
    since: 1,
    until: 2,
    times: 1,
    reason: 'scanner',
    by: 'border',
  } as const;
  store.bans.save(ban);
  store.bans.save({ ...ban, times: 2 });
  store.bans.save({ ...ban, address: '192.0.2.10' });
  store.bans.remove('192.0.2.10');
  const soon = Date.now() + 60_000;
  const binding = { device: 'desk', contact: 'sip:desk@192.0.2.5', expiresAt: soon, path: ['sip:edge;lr'] };
  store.registrations.save(binding);
  store.registrations.save({ ...binding, contact: 'sip:gone@192.0.2.6' });
  store.registrations.remove({ device: 'desk', contact: 'sip:gone@192.0.2.6' });
  store.registrations.save({ ...binding, device: 'past', expiresAt: 5 });
  store.state.set('hours/office', 'closed');
  store.state.set('hours/shop', 'open');
  store.state.remove('hours/shop');
  await store.close();
  store = await openStore(options(folder), deps);
  t.match(store.revisions.list(), [
    { number: 3, hash: 'h1' },
    { number: 2, who: 'ops' },
    { number: 1, files: ['main.yaml', 'dids.csv'] },
  ]);
  t.same(
    store.revisions.list({ before: 2, limit: 1 }).map((revision) => revision.number),
    [1],
  );
  t.same(
    (await store.revisions.get(2))?.contents,
    new Map([
      ['main.yaml', 'x'],
      ['dids.csv', files.get('dids.csv')],
    ]),
  );
  t.equal(await store.revisions.get(9), undefined);
  t.equal(store.revisions.latest()?.number, 3);
  t.same(store.bans.load(), [{ ...ban, times: 2 }]);
  t.same(store.registrations.load(), [binding]);
  t.equal(store.state.get('hours/office'), 'closed');
  t.same(store.state.list('hours/'), [{ key: 'hours/office', value: 'closed' }]);
  await store.close();
});

t.test('an open call costs nothing but its row', async (t) => {
  const folder = t.testdir();
  mkdirSync(folder, { recursive: true });
  const store = await openStore(options(folder), deps);
  for (let i = 0; i < 1000; i++) store.records.open(call(`m${i}`));
  t.ok(store.stats().waitingRows >= 1000);
  await store.flush();
  t.equal(store.stats().waitingRows, 0);
  await store.close();
});

t.test('with durability power-loss an answer waits for the disk itself', async (t) => {
  const store = await openStore({ ...options(t.testdir()), durability: 'power-loss' }, deps);
  for (let i = 0; i < 20; i++) {
    store.records.open(call(`p${i}`));
    const first = store.records.answered(`p${i}`, { state: 'answered', answerAt: 2_000 });
    store.records.openLeg(leg(`p${i}/1`, `p${i}`));
    await Promise.all([first, store.records.answered(`p${i}`, { codecs: 'PCMU' })]);
  }
  t.equal((await store.records.list({ state: 'answered' })).records.length, 20);
  await store.close();
});

t.test('a checkpoint empties the log, and a long log starts anew', async (t) => {
  const folder = t.testdir();
  const store = await openStore(options(folder), deps);
  const other = new Sqlite(options(folder).path);
  other.pragma('wal_autocheckpoint = 0');
  const log = (): Record<string, number> =>
    (other.pragma('wal_checkpoint(NOOP)') as Record<string, number>[])[0]!;
  for (let i = 0; i < 50; i++) store.records.open(call(`c${i}`));
  await store.flush();
  const before = log();
  t.ok(before['log']! > before['checkpointed']!);
  checkpoint(other, { worthwhile: 10_000, restart: 20_000 });
  t.same(log(), before, 'too little to bother the disk for');
  checkpoint(other, { worthwhile: 1, restart: 20_000 });
  t.equal(log()['checkpointed'], before['log']);
  checkpoint(other, { worthwhile: 1, restart: 1 });
  store.records.open(call('next'));
  await store.flush();
  t.ok(log()['log']! < before['log']!, 'the log was begun anew');
  other.close();
  await store.close();
});

const built = new URL('../../dist/store/index.js', import.meta.url);

t.test(
  'built, the store reads and deletes in its worker, which ends with it',
  { skip: existsSync(built) ? false : 'dist is not built' },
  async (t) => {
    const { openStore } = (await import(built.href)) as { readonly openStore: typeof openFromSource };
    const store = await openStore({ ...options(t.testdir()), keepRecordsMs: DAY_MS }, deps);
    for (let i = 0; i < 500; i++) store.records.open(call(`w${i}`, { state: 'ended', endAt: 2_000 }));
    t.same(
      (await store.records.list({ number: '+12025550111', limit: 2 })).records.map((record) => record.id),
      ['w499', 'w498'],
    );
    t.match(await store.records.get('w7'), { record: { id: 'w7' }, legs: [] });
    await t.rejects(store.records.list({ limit: 0 }), { code: 'REQUEST_INVALID' });
    t.equal(await store.sweep(), 499);
    const last = store.records.list({});
    const [ending] = await Promise.allSettled([last, store.close()]);
    t.ok(ending.status === 'fulfilled' || String(ending.reason).includes('closed'));
    await t.rejects(store.records.list({}));
  },
);
