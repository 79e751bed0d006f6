import { createServer } from 'node:net';
import t from 'tap';
import { createApi, hashApiKey } from '../../src/api/index.js';
import { AppError } from '../../src/base/errors.js';
import { silentLogger } from '../../src/base/logger.js';
import { MAX_STREAMS } from '../../src/api/routes/events.js';
import type { CallEventView, HoursOverrideView } from '../../src/api/ports.js';
import { fakePorts, NOW, post, RELOADED, startApi } from './harness.js';

void t.test('every route answers in its documented form', async (t) => {
  const { call } = await startApi(t, fakePorts());
  t.match(await call('GET', '/health'), { status: 200, body: { status: 'ok', signalling: 'up' } });
  t.match(await call('GET', '/v1/calls'), { status: 200, body: { calls: [{ id: 'c1' }] } });
  t.equal((await call('DELETE', '/v1/calls/c1')).status, 204);
  t.match(await call('DELETE', '/v1/calls/nope'), {
    status: 404,
    body: { error: { code: 'NOT_FOUND', remedy: String } },
  });
  const transfer = (id: string, body: object): ReturnType<typeof call> =>
    call('POST', `/v1/calls/${id}/transfer`, {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  t.equal((await transfer('c1', { who: 'caller', to: '202' })).status, 202);
  t.equal((await transfer('nope', { who: 'caller', to: '202' })).status, 404);
  t.equal((await transfer('c1', { who: 'nobody', to: '202' })).status, 400);
  t.match(await transfer('c1', { who: 'callee', to: '911' }), {
    status: 409,
    body: { error: { code: 'TRANSFER_REFUSED', message: /no rule/ } },
  });
  const supervise = (id: string, extension: string, mode = 'listen'): ReturnType<typeof call> =>
    call('POST', `/v1/calls/${id}/supervise`, post({ extension, mode }));
  t.equal((await supervise('c1', '202')).status, 202);
  t.equal((await supervise('nope', '202')).status, 404);
  t.equal((await supervise('c1', '202', 'shout')).status, 400);
  t.match(await supervise('c1', '203'), { status: 409, body: { error: { code: 'SUPERVISION_REFUSED' } } });
  const record = (id: string, what: string): ReturnType<typeof call> =>
    call('POST', `/v1/calls/${id}/recording`, post({ what }));
  t.equal((await record('c1', 'start')).status, 204);
  t.equal((await record('nope', 'start')).status, 404);
  t.equal((await record('c1', 'pause')).status, 400);
  t.match(await record('c1', 'stop'), { status: 409, body: { error: { code: 'RECORDING_REFUSED' } } });
  t.match(await call('GET', '/v1/records?limit=5&number=%2B1'), {
    status: 200,
    body: { records: [{ id: 'r1', cause: { kind: 'normal' } }], next: '{"limit":5,"number":"+1"}' },
  });
  t.match(await call('GET', '/v1/records/r1'), {
    status: 200,
    body: { trace: [{ kind: 'note', text: 'hello' }] },
  });
  t.equal((await call('GET', '/v1/records/r2')).status, 404);
  t.match(await call('GET', '/v1/dialplan'), { status: 200, body: { revision: 1 } });
  t.match(await call('POST', '/v1/dialplan/reload'), { status: 200, body: RELOADED });
  t.match(await call('GET', '/v1/dialplan/revisions'), { status: 200, body: { revisions: [{ number: 1 }] } });
  t.match(await call('POST', '/v1/dialplan/revisions/1/restore'), { status: 200, body: RELOADED });
  t.match(await call('GET', '/v1/border'), { status: 200, body: { verdicts: { banned: { refused: 1 } } } });
  t.equal((await call('DELETE', '/v1/border/bans/192.0.2.1')).status, 404);
  t.match(await call('GET', '/v1/registrations'), { status: 200, body: { registrations: [] } });
  t.match(await call('GET', '/v1/trunks'), { status: 200, body: { trunks: [] } });
  t.match(await call('POST', '/v1/explain', post({ number: '+1', at: '2026-12-25T15:00:00Z' })), {
    status: 200,
    body: { decision: '{"number":"+1","at":1798210800000}' },
  });
});

void t.test('hours are opened and closed by hand', async (t) => {
  const overrides = new Map<string, HoursOverrideView>();
  const { call } = await startApi(
    t,
    fakePorts({
      hours: {
        list: () => [...overrides.values()],
        set: (override) => {
          if (override.hours !== 'office') return false;
          overrides.set(override.hours, { ...override, since: NOW });
          return true;
        },
        clear: (hours) => overrides.delete(hours),
      },
    }),
  );
  const put = (name: string, body: unknown) => call('PUT', `/v1/hours/${name}/override`, post(body));
  t.equal((await call('GET', '/v1/hours/office/override')).status, 404);
  t.match(await put('office', { verdict: 'closed', until: NOW + 60_000 }), {
    status: 200,
    body: { hours: 'office', verdict: 'closed', until: NOW + 60_000, since: NOW, who: 'api' },
  });
  t.match(await call('GET', '/v1/hours/office/override'), { status: 200, body: { verdict: 'closed' } });
  t.match(await call('GET', '/v1/hours/overrides'), { body: { overrides: [{ hours: 'office' }] } });
  t.match(await put('nowhere', { verdict: 'open' }), {
    status: 404,
    body: { error: { message: /nowhere/ } },
  });
  t.equal((await put('office', { verdict: 'ajar' })).status, 400);
  t.equal((await put('office', { verdict: 'open', until: NOW - 1 })).status, 400);
  t.equal((await call('DELETE', '/v1/hours/office/override')).status, 204);
  t.equal((await call('DELETE', '/v1/hours/office/override')).status, 404);
});

void t.test('calls are told as they go, to so many readers as there may be', async (t) => {
  const listeners = new Set<(event: CallEventView) => void>();
  const { api, url } = await startApi(
    t,
    fakePorts({
      events: {
        subscribe: (listener) => {
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
      },
    }),
  );
  const call = { id: 'c1', state: 'ringing', caller: '+1', dialed: '+2', since: 1, legs: 1 } as const;
  const tell = (event: CallEventView): void => {
    for (const listener of listeners) listener(event);
  };
  const open = async () => {
    const response = await fetch(`${url}/v1/events`);
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      reader: response.body!.getReader(),
    };
  };
  const first = await open();
  t.match(first, { status: 200, type: /^text\/event-stream/ });
  const second = await open();
  t.equal(listeners.size, 1, 'one listener for all');
  const text = new TextDecoder();
  const read = async ({ reader }: typeof first): Promise<string> => {
    const { value } = (await reader.read()) as { value: Uint8Array | undefined };
    return text.decode(value);
  };
  t.match(await read(first), /^: /);
  t.match(await read(second), /^: /);
  tell({ kind: 'started', call });
  const expected = `event: call.started\ndata: ${JSON.stringify(call)}\n\n`;
  t.equal(await read(first), expected);
  t.equal(await read(second), expected);

  const others = await Promise.all(Array.from({ length: MAX_STREAMS - 2 }, open));
  const refused = await fetch(`${url}/v1/events`);
  t.equal(refused.status, 503);
  t.match(await refused.json(), { error: { code: 'TOO_MANY_STREAMS' } });

  await Promise.all([...others, second].map(({ reader }) => reader.cancel()));
  const large = { ...call, destination: 'x'.repeat(100_000) };
  for (let i = 0; i < 2000 && listeners.size > 0; i++) {
    tell({ kind: 'answered', call: large });
    if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  t.equal(listeners.size, 0, 'who does not read is let go');
  await first.reader.cancel().catch(() => undefined);
  const last = await open();
  t.equal(listeners.size, 1);
  await api.stop();
  await last.reader.cancel().catch(() => undefined);
  t.equal(listeners.size, 0, 'nobody listens any more');
});

void t.test('what is not as documented is refused with the field, its cause and a remedy', async (t) => {
  const { call } = await startApi(t, fakePorts());
  t.match(await call('GET', '/v1/records?limit=5000'), {
    status: 400,
    body: { error: { code: 'REQUEST_INVALID', message: /limit/ } },
  });
  t.equal((await call('GET', '/v1/records?nonsense=1')).status, 400);
  t.match(await call('POST', '/v1/explain', post({})), {
    status: 400,
    body: { error: { message: /number/ } },
  });
  t.equal((await call('POST', '/v1/explain', post({ number: '1', at: 'noon' }))).status, 400);
  t.equal(
    (await call('POST', '/v1/explain', { body: '{', headers: { 'content-type': 'application/json' } }))
      .status,
    400,
  );
  t.match(await call('GET', '/nowhere'), { status: 404, body: { error: { code: 'NOT_FOUND' } } });
  const failing = await startApi(
    t,
    fakePorts({
      dialplan: {
        ...fakePorts().dialplan,
        reload: () => Promise.reject(new AppError('DIALPLAN_INVALID', 'main.yaml:3:1: no such menu')),
        restore: () => Promise.reject(new Error('secret inside')),
      },
    }),
  );
  t.match(await failing.call('POST', '/v1/dialplan/reload'), {
    status: 422,
    body: { error: { message: /main\.yaml:3:1/ } },
  });
  const inside = await failing.call('POST', '/v1/dialplan/revisions/1/restore');
  t.equal(inside.status, 500);
  t.notMatch(JSON.stringify(inside.body), /secret/);
});

void t.test('draining and a lost engine answer 503', async (t) => {
  const health = fakePorts().health();
  const { call } = await startApi(t, fakePorts({ health: () => ({ ...health, status: 'draining' }) }));
  t.match(await call('GET', '/health'), { status: 503, body: { status: 'draining' } });
});

void t.test('without keys only loopback names and origins pass; with keys the role decides', async (t) => {
  const open = await startApi(t, fakePorts());
  const { port } = new URL(open.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const request = `GET /v1/calls HTTP/1.1\r\nHost: evil.example:${port}\r\nConnection: close\r\n\r\n`;
    import('node:net')
      .then(({ connect }) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.write(request));
        let text = '';
        socket.on('data', (chunk) => (text += chunk.toString()));
        socket.on('end', () => resolve(text));
        socket.on('error', reject);
      })
      .catch(reject);
  });
  t.match(answer, /^HTTP\/1\.1 403 /, 'a rebound name is refused');
  t.equal((await open.call('GET', '/v1/calls', { headers: { origin: 'https://evil.example' } })).status, 403);

  const keys = [
    { name: 'eye', role: 'viewer', hash: hashApiKey('look') },
    { name: 'hand', role: 'operator', hash: hashApiKey('act') },
  ] as const;
  const { call } = await startApi(t, fakePorts(), { keys: () => keys });
  const bearer = (key: string): RequestInit => ({ headers: { authorization: `Bearer ${key}` } });
  t.equal((await call('GET', '/health')).status, 200, 'health is open');
  t.match(await call('GET', '/v1/calls'), { status: 401, body: { error: { code: 'UNAUTHORIZED' } } });
  t.equal((await call('GET', '/v1/calls', bearer('wrong'))).status, 401);
  t.equal((await call('GET', '/v1/calls', bearer('look'))).status, 200);
  t.match(await call('DELETE', '/v1/calls/c1', bearer('look')), {
    status: 403,
    body: { error: { message: /operator/ } },
  });
  t.equal((await call('DELETE', '/v1/calls/c1', bearer('act'))).status, 204);
  t.equal((await call('POST', '/v1/dialplan/revisions/1/restore', bearer('act'))).status, 403);
});

void t.test('the OpenAPI document names every route, and the reference page is served', async (t) => {
  const { api, call } = await startApi(t, fakePorts());
  const document = (await api.openapi()) as {
    openapi: string;
    paths: Record<string, Record<string, { summary?: string }>>;
  };
  t.equal(document.openapi, '3.1.0');
  t.same(Object.keys(document.paths).sort(), [
    '/health',
    '/v1/agents',
    '/v1/agents/{extension}/login',
    '/v1/agents/{extension}/logout',
    '/v1/agents/{extension}/pause',
    '/v1/agents/{extension}/resume',
    '/v1/announcements',
    '/v1/announcements/history',
    '/v1/announcements/{id}',
    '/v1/border',
    '/v1/border/bans/{address}',
    '/v1/callbacks/{id}',
    '/v1/calls',
    '/v1/calls/{id}',
    '/v1/calls/{id}/recording',
    '/v1/calls/{id}/supervise',
    '/v1/calls/{id}/transfer',
    '/v1/dialplan',
    '/v1/dialplan/reload',
    '/v1/dialplan/revisions',
    '/v1/dialplan/revisions/{number}/restore',
    '/v1/events',
    '/v1/explain',
    '/v1/hours/overrides',
    '/v1/hours/{name}/override',
    '/v1/mailboxes',
    '/v1/mailboxes/{name}/messages',
    '/v1/messages/{id}',
    '/v1/messages/{id}/audio',
    '/v1/queues',
    '/v1/queues/statistics',
    '/v1/queues/{name}',
    '/v1/recordings',
    '/v1/recordings/{id}/audio',
    '/v1/records',
    '/v1/records/{id}',
    '/v1/registrations',
    '/v1/surveys/{name}/answers',
    '/v1/trunks',
  ]);
  const undocumented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, route]) =>
      route.summary === undefined ? [`${method} ${path}`] : [],
    ),
  );
  t.same(undocumented, []);
  t.match(await call('GET', '/openapi.json'), { status: 200, body: { openapi: '3.1.0' } });
  t.equal((await call('GET', '/docs/')).status, 200);
});

void t.test('a taken port is a clear fault', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as { port: number };
  const api = createApi(
    { host: '127.0.0.1', port, keys: () => [], version: '0', now: () => NOW },
    fakePorts(),
    silentLogger,
  );
  await t.rejects(api.start(), { code: 'PORT_IN_USE', message: new RegExp(String(port)) });
  await api.stop();
});
