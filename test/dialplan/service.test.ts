import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/logger.js';
import { createDialplanService } from '../../src/dialplan/dialplan-service.js';
import type { DialplanService, ReloadOutcome } from '../../src/dialplan/dialplan-service.js';
import type { RevisionStore, RevisionSummary, StateStore } from '../../src/dialplan/ports.js';

/** Stores in memory, kept over a "restart" of the service. */
function memory() {
  const kept: (RevisionSummary & { contents: ReadonlyMap<string, string> })[] = [];
  const values = new Map<string, string>();
  const revisions: RevisionStore = {
    save({ hash, who, files }) {
      const latest = kept.at(-1);
      if (latest?.hash === hash) return Promise.resolve(latest.number);
      kept.push({ number: kept.length + 1, hash, who, at: 0, files: [...files.keys()], contents: files });
      return Promise.resolve(kept.length);
    },
    list: () => kept.toReversed(),
    get: (number) => Promise.resolve(kept[number - 1]),
    latest: () => kept.at(-1),
  };
  const state: StateStore = {
    get: (key) => values.get(key),
    set: (key, value) => void values.set(key, value),
    remove: (key) => void values.delete(key),
    list: (prefix) =>
      [...values].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value })),
  };
  return { revisions, state, values };
}

/** Tells when a log line comes, so that tests wait for what happens and not for time. */
function listeningLogger() {
  const lines: { event: string; fields: object }[] = [];
  let wake: (() => void)[] = [];
  const take = (fields: object, event: string): void => {
    lines.push({ event, fields });
    for (const each of wake) each();
    wake = [];
  };
  const logger: Logger = { debug: take, info: take, warn: take, error: take, child: () => logger };
  return {
    logger,
    lines,
    async event(pattern: RegExp, from: number): Promise<{ event: string; fields: object }> {
      for (;;) {
        const found = lines.slice(from).find(({ event }) => pattern.test(event));
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => wake.push(resolve));
      }
    },
  };
}

const plan = (status: number, more = '') => `
numbers:
  - { did: "+12025550100", name: Main, route: { reject: ${status} } }
hours:
  office: { timezone: UTC, open: { mon-fri: "08:00-18:00" } }
${more}`;

function serviceIn(folder: string, store: ReturnType<typeof memory>, now = () => 1_000, watch = false) {
  const log = listeningLogger();
  const service = createDialplanService({
    folder,
    loadOptions: () => ({ env: () => undefined }),
    revisions: store.revisions,
    state: store.state,
    logger: log.logger,
    clock: { ...systemClock, now },
    watch,
  });
  return { service, log };
}

function status(service: DialplanService): number | undefined {
  const step = service.current().plan.rules[0]?.route[0];
  return step?.verb === 'reject' ? step.status : undefined;
}

function inForce(outcome: ReloadOutcome) {
  if (outcome.kind !== 'in-force')
    throw new Error(outcome.diagnostics.map(({ message }) => message).join('\n'));
  return outcome;
}

t.test('a plan is in force from the start, and a bad file leaves it so', async (t) => {
  const folder = t.testdir({ 'main.yaml': plan(603) });
  const { service, log } = serviceIn(folder, memory());
  t.throws(() => service.current(), { code: 'DIALPLAN_INVALID' });
  t.match(inForce(await service.start()), { revision: 1, changed: true });
  t.equal(status(service), 603);
  await writeFile(join(folder, 'main.yaml'), plan(486).replace('reject', 'rejekt'));
  const refused = await service.reload('ops');
  t.match(refused, {
    kind: 'refused',
    diagnostics: [{ severity: 'error', place: { file: 'main.yaml', line: 3 } }],
  });
  t.equal(status(service), 603, 'the last good plan stays');
  t.match(log.lines.at(-1), { event: /the one in force stays/ });
  await writeFile(join(folder, 'main.yaml'), plan(486));
  t.match(inForce(await service.reload('ops')), { revision: 2, changed: true });
  t.equal(status(service), 486);
  t.match(inForce(await service.reload('ops')), { revision: 2, changed: false });
  t.match(service.revisions(), [
    { number: 2, who: 'ops', inForce: true, files: ['main.yaml'] },
    { number: 1, who: 'start', inForce: false },
  ]);
  await rm(folder, { recursive: true });
  await t.rejects(service.reload('ops'), { code: 'FILE_UNREADABLE' });
  t.equal(status(service), 486);
});

t.test('a plan whose tests fail is refused', async (t) => {
  const test = (expected: number) => `
tests:
  - { name: it is rejected, call: { to: "+12025550100" }, expect: { reject: ${expected} } }`;
  const folder = t.testdir({ 'main.yaml': plan(603, test(604)) });
  const { service } = serviceIn(folder, memory());
  const refused = await service.start();
  t.match(refused, {
    kind: 'refused',
    diagnostics: [{ code: 'test-failed', message: /expected to end at reject: 604, ended at reject: 603/ }],
  });
  t.throws(() => service.current());
  await writeFile(join(folder, 'main.yaml'), plan(603, test(603)));
  inForce(await service.start());
  t.same(service.current().tests, { passed: 1, failed: 0 });
});

t.test('any revision can be put back, and stays over a restart until the folder changes', async (t) => {
  const folder = t.testdir({ 'main.yaml': plan(603) });
  const store = memory();
  const { service } = serviceIn(folder, store);
  inForce(await service.start());
  await writeFile(join(folder, 'main.yaml'), plan(486));
  inForce(await service.reload('ops'));
  t.match(inForce(await service.restore(1, 'alice')), { revision: 3, changed: true });
  t.equal(status(service), 603);
  t.match(service.revisions()[0], { number: 3, who: 'alice', inForce: true });
  await t.rejects(service.restore(9, 'alice'), { code: 'NOT_FOUND' });

  const restarted = serviceIn(folder, store).service;
  t.match(inForce(await restarted.start()), { revision: 3 });
  t.equal(status(restarted), 603);
  t.match(inForce(await restarted.reload('ops')), { revision: 4 });
  t.equal(status(restarted), 486, 'an explicit reload takes the folder');
  const again = serviceIn(folder, store).service;
  inForce(await again.start());
  t.equal(status(again), 486);
  inForce(await again.restore(3, 'bob'));
  await writeFile(join(folder, 'main.yaml'), plan(404));
  const changed = serviceIn(folder, store).service;
  inForce(await changed.start());
  t.equal(status(changed), 404, 'so does a folder that changed');
});

t.test('overrides of hours survive reload and restart, and run out', async (t) => {
  const folder = t.testdir({ 'main.yaml': plan(603) });
  const store = memory();
  let now = 1_000;
  const { service } = serviceIn(folder, store, () => now);
  inForce(await service.start());
  t.equal(service.hoursOverride('office'), undefined);
  service.hours.set({ hours: 'office', verdict: 'closed', who: 'ops', until: 5_000 });
  service.hours.set({ hours: 'lab', verdict: 'open', who: 'ops' });
  inForce(await service.reload('ops'));
  t.equal(service.hoursOverride('office'), 'closed');
  store.values.set('hours/broken', '{"verdict":"ajar"}');
  store.values.set('hours/worse', '{');
  const restarted = serviceIn(folder, store, () => now).service;
  t.equal(restarted.hoursOverride('office'), 'closed');
  t.match(restarted.hours.list(), [
    { hours: 'office', until: 5_000 },
    { hours: 'lab', since: 1_000 },
  ]);
  t.equal(store.values.has('hours/broken'), false);
  now = 5_000;
  t.equal(restarted.hoursOverride('office'), undefined);
  t.equal(store.values.has('hours/office'), false);
  t.equal(restarted.hours.clear('lab'), true);
  t.equal(restarted.hours.clear('lab'), false);
  t.same(restarted.hours.list(), []);
});

t.test('changed files are loaded by themselves', async (t) => {
  const folder = t.testdir({ 'main.yaml': plan(603), lists: {} });
  const { service, log } = serviceIn(folder, memory(), Date.now, true);
  t.teardown(() => service.stop());
  inForce(await service.start());
  let from = log.lines.length;
  // As editors write: a file beside it, renamed over it.
  await writeFile(join(folder, '.main.yaml.swp'), 'x');
  await writeFile(join(folder, 'main.yaml.tmp'), plan(486));
  await rename(join(folder, 'main.yaml.tmp'), join(folder, 'main.yaml'));
  t.match((await log.event(/in force/, from)).fields, { revision: 2, who: 'file' });
  t.equal(status(service), 486);
  from = log.lines.length;
  await writeFile(join(folder, 'second.yaml'), 'numbers: [{ did: "+1202555010x", route: { busy: yes } }]');
  await log.event(/refused/, from);
  t.equal(status(service), 486);
  from = log.lines.length;
  await rm(join(folder, 'second.yaml'));
  await mkdir(join(folder, 'more'));
  t.match((await log.event(/in force/, from)).fields, { changed: false });
  await service.stop();
  await service.stop();
});

t.test('a store that fails does not keep a plan from taking force', async (t) => {
  const folder = t.testdir({ 'main.yaml': plan(603) });
  const store = memory();
  const { service, log } = serviceIn(folder, {
    ...store,
    revisions: { ...store.revisions, save: () => Promise.reject(new Error('disk full')) },
  });
  t.match(inForce(await service.start()), { revision: 0 });
  t.match(log.lines, [{ event: /could not be kept/ }, { event: 'dialplan in force' }]);
});
