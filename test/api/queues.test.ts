import t from 'tap';
import type { ApiQueues } from '../../src/api/index.js';
import { AppError } from '../../src/base/errors.js';
import type { AgentChange, QueueCallerView, QueueTallyQuery } from '../../src/model/index.js';
import { fakePorts, NOW, post, startApi } from './harness.js';

const ID = '01939f2e-0000-7000-8000-000000000001';

function caller(position: number): QueueCallerView {
  return {
    ticket: `t${position}`,
    kind: 'call',
    state: 'waiting',
    position,
    callId: `c${position}`,
    priority: 0,
    enteredAt: NOW,
    waitMs: 10,
    agents: [],
  };
}

const promised: QueueCallerView = {
  ...caller(3),
  kind: 'callback',
  callback: {
    id: ID,
    queue: 'sales',
    state: 'waiting',
    number: '+12025550123',
    callId: 'c3',
    priority: 0,
    skills: {},
    facts: { card: '4111' },
    enteredAt: NOW,
    requestedAt: NOW,
    attempts: 1,
  },
};

const agent = {
  extension: '201',
  state: 'available' as const,
  since: NOW,
  queues: [{ name: 'sales', loggedIn: true }],
  calls: 2,
};

/** Remembers what it is asked. */
function fakeQueues(asked: unknown[]): ApiQueues {
  const answer = (extension: string, queues: readonly string[] = []): AgentChange => {
    if (extension !== '201') return { kind: 'refused', reason: 'not-an-agent' };
    return queues.includes('other') ? { kind: 'refused', reason: 'not-in-queue' } : { kind: 'done', agent };
  };
  const note = (...what: unknown[]): void => void asked.push(what);
  const queue = {
    waiting: 2,
    callbacks: 1,
    longestWaitMs: 10,
    agents: { loggedIn: 1, available: 1, talking: 0 },
  };
  return {
    snapshot: () => ({
      at: NOW,
      queues: [
        { ...queue, name: 'sales', callers: [caller(1), caller(2), promised] },
        { ...queue, name: 'acme/help', callers: [] },
      ],
      agents: [agent, { ...agent, extension: '202', queues: [{ name: 'acme/help', loggedIn: true }] }],
    }),
    statistics: (query: QueueTallyQuery) => {
      note('statistics', query);
      if (query.everyMs === 60_000)
        return Promise.reject(new AppError('REQUEST_INVALID', 'everyMs must be a multiple of 15 minutes'));
      const spread = { count: 1, mean: 1, min: 1, max: 1, p50: 1, p90: 1, p95: 1, p99: 1 };
      return Promise.resolve({
        queues: [
          {
            at: NOW,
            queue: 'sales',
            offered: 3,
            refused: 0,
            answered: 2,
            abandoned: 1,
            abandonedShort: 0,
            timedOut: 0,
            leftEmpty: 0,
            leftByKey: 0,
            transferred: 0,
            serviceLevel: 0.5,
            longestWaitMs: 9,
            answerWait: spread,
            callbacks: { requested: 0, reached: 0, failed: 0 },
          },
        ],
        agents: [
          { at: NOW, agent: '201', rung: 2, answered: 2, missed: 0, transferred: 0, states: { talking: 5 } },
        ],
      });
    },
    cancelCallback: (id) => id === ID,
    agents: {
      login: (extension, queues) => {
        note('login', extension, queues);
        return answer(extension, queues);
      },
      logout: (extension, queues) => {
        note('logout', extension, queues);
        return answer(extension, queues);
      },
      pause: (extension, reason) => {
        note('pause', extension, reason);
        return answer(extension);
      },
      resume: (extension) => {
        note('resume', extension);
        return answer(extension);
      },
    },
  };
}

void t.test('queues and their callers are shown, so many as are asked for', async (t) => {
  const { call } = await startApi(t, fakePorts({ queues: fakeQueues([]) }));
  t.match(await call('GET', '/v1/queues?callers=1'), {
    status: 200,
    body: { at: NOW, queues: [{ name: 'sales', waiting: 2, callers: { length: 1 } }, { name: 'acme/help' }] },
  });
  const sales = await call('GET', '/v1/queues/sales');
  t.match(sales, {
    status: 200,
    body: {
      queue: {
        callers: [{ position: 1 }, { position: 2 }, { callback: { id: ID, number: '+12025550123' } }],
      },
      agents: [{ extension: '201', state: 'available' }],
    },
  });
  t.notMatch(JSON.stringify(sales.body), /4111|202"/, 'neither what was entered nor agents of other queues');
  t.match(await call('GET', '/v1/queues/acme%2Fhelp'), {
    status: 200,
    body: { agents: [{ extension: '202' }] },
  });
  t.equal((await call('GET', '/v1/queues/nothing')).status, 404);
  t.equal((await call('GET', '/v1/queues?callers=9999')).status, 400);
  t.match(await call('GET', '/v1/agents'), { status: 200, body: { agents: [{ calls: 2 }, {}] } });
  t.equal((await call('DELETE', `/v1/callbacks/${ID}`)).status, 204);
  t.equal((await call('DELETE', '/v1/callbacks/00000000')).status, 404);
  t.equal((await call('DELETE', '/v1/callbacks/..%2Fx')).status, 400);
});

void t.test('figures are asked for by time and interval', async (t) => {
  const asked: unknown[] = [];
  const { call } = await startApi(t, fakePorts({ queues: fakeQueues(asked) }));
  t.match(await call('GET', '/v1/queues/statistics?from=1000&to=2000&interval=1h&queue=sales&repeat=2d'), {
    status: 200,
    body: {
      queues: [{ queue: 'sales', serviceLevel: 0.5, answerWait: { p95: 1 }, callbacks: { requested: 0 } }],
      agents: [{ agent: '201', states: { talking: 5 } }],
    },
  });
  await call('GET', '/v1/queues/statistics?from=1000&agent=201');
  t.same(asked, [
    [
      'statistics',
      { since: 1000, until: 2000, everyMs: 3_600_000, queue: 'sales', repeatWindowMs: 172_800_000 },
    ],
    ['statistics', { since: 1000, until: NOW, agent: '201' }],
  ]);
  t.match(await call('GET', '/v1/queues/statistics?from=1000&interval=1m'), {
    status: 400,
    body: { error: { message: /15 minutes/ } },
  });
  for (const query of ['', '?from=x', '?from=1&interval=soon', '?from=1&queue='])
    t.equal((await call('GET', `/v1/queues/statistics${query}`)).status, 400, query);
});

void t.test('agents log in, pause and come back over the API', async (t) => {
  const asked: unknown[] = [];
  const { call } = await startApi(t, fakePorts({ queues: fakeQueues(asked) }));
  const agents = (path: string, body?: unknown) =>
    call('POST', `/v1/agents/${path}`, body === undefined ? {} : post(body));
  t.match(await agents('201/login'), { status: 200, body: { extension: '201', state: 'available' } });
  t.equal((await agents('201/logout', { queues: ['sales'] })).status, 200);
  t.equal((await agents('201/pause', { reason: 'lunch' })).status, 200);
  t.equal((await agents('201/resume')).status, 200);
  t.same(asked, [
    ['login', '201', undefined],
    ['logout', '201', ['sales']],
    ['pause', '201', 'lunch'],
    ['resume', '201'],
  ]);
  t.match(await agents('999/resume'), { status: 404, body: { error: { message: /999/ } } });
  t.equal((await agents('201/login', { queues: ['other'] })).status, 400);
  t.equal((await agents('201/pause')).status, 400);
  t.equal((await agents('201/pause', { reason: '' })).status, 400);
  t.equal((await agents('acme%2F201/login')).status, 404, 'a tenant’s agent is asked for by its full name');
  t.same(asked.at(-1), ['login', 'acme/201', undefined]);
});
