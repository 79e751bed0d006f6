import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { hashApiKey, type ApiPorts, type NewAnnouncement, type SurveyQuery } from '../../src/api/index.js';
import type { AnnouncementRecord, VoicemailMessage } from '../../src/model/index.js';
import { fakePorts, NOW, post, startApi } from './harness.js';

const ID = '01939f2e-0000-7000-8000-000000000001';
const MESSAGE: VoicemailMessage = {
  id: ID,
  mailbox: 'acme/sales',
  state: 'new',
  at: NOW,
  durationMs: 4000,
  bytes: 64_044,
  caller: '+12025550123',
  hook: 'told',
};

function voicePorts(changes: Partial<ApiPorts['voice']>): ApiPorts {
  const ports = fakePorts();
  return { ...ports, voice: { ...ports.voice, ...changes } };
}

function soundFile(t: Test): { path: string; bytes: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-api-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, `${ID}.wav`);
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
  writeFileSync(path, bytes);
  return { path, bytes };
}

void t.test('mailboxes of the plan and of tenants, and their messages', async (t) => {
  const asked: unknown[] = [];
  let message: VoicemailMessage | undefined = MESSAGE;
  const { call } = await startApi(
    t,
    voicePorts({
      mailboxes: {
        list: (page) => {
          asked.push(page);
          return { mailboxes: [{ name: 'sales', new: 1, saved: 0, bytes: 5, inPlan: true }], next: 'sales' };
        },
        get: (name) =>
          name === 'acme/sales' ? { name, new: 1, saved: 0, bytes: 64_044, inPlan: true } : undefined,
        messages: () => [MESSAGE],
      },
      messages: {
        get: (id) => (id === ID ? message : undefined),
        audio: () => undefined,
        mark: (id, state) => {
          if (id !== ID) return Promise.resolve(false);
          message = { ...MESSAGE, state };
          return Promise.resolve(true);
        },
        remove: (id) => Promise.resolve(id === ID && message !== undefined),
      },
    }),
  );
  t.match(await call('GET', '/v1/mailboxes?limit=1&after=a'), {
    status: 200,
    body: { mailboxes: [{ name: 'sales', new: 1 }], next: 'sales' },
  });
  t.same(asked, [{ limit: 1, after: 'a' }]);
  t.equal((await call('GET', '/v1/mailboxes?limit=100000')).status, 400);
  t.match(await call('GET', '/v1/mailboxes/acme%2Fsales/messages'), {
    status: 200,
    body: { mailbox: { name: 'acme/sales' }, messages: [{ id: ID, caller: '+12025550123' }] },
  });
  t.match(await call('GET', '/v1/mailboxes/nobody/messages'), { status: 404, body: { error: {} } });
  t.equal((await call('GET', `/v1/mailboxes/${'ü'.repeat(128)}/messages`)).status, 404, 'a long name is one');
  t.equal((await call('GET', `/v1/mailboxes/${'x'.repeat(129)}/messages`)).status, 400);
  t.match(await call('GET', `/v1/messages/${ID}`), { status: 200, body: { state: 'new' } });
  const patch = { ...post({ state: 'saved' }) };
  t.match(await call('PATCH', `/v1/messages/${ID}`, patch), { status: 200, body: { state: 'saved' } });
  t.equal((await call('PATCH', `/v1/messages/${ID}`, post({ state: 'recording' }))).status, 400);
  t.equal((await call('PATCH', `/v1/messages/${ID.replace('1', '2')}`, patch)).status, 404);
  t.equal((await call('DELETE', `/v1/messages/${ID}`)).status, 204);
  message = undefined;
  t.equal((await call('DELETE', `/v1/messages/${ID}`)).status, 404);
  t.equal((await call('GET', `/v1/messages/${ID}`)).status, 404);
});

void t.test('a sound is sent whole, in part, and never from elsewhere', async (t) => {
  const { path, bytes } = soundFile(t);
  const asked: string[] = [];
  const ports = voicePorts({
    messages: {
      ...fakePorts().voice.messages,
      audio: (id) => {
        asked.push(id);
        return id === ID ? path : undefined;
      },
    },
    recordings: {
      list: () => [],
      ofCall: () => [],
      get: () => undefined,
      audio: (id) => (id === ID ? `${path}.not-yet` : undefined),
    },
  });
  const { url } = await startApi(t, ports);
  const get = async (range?: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(`${url}/v1/messages/${ID}/audio`, {
      method,
      headers: { ...headers, ...(range !== undefined && { range }) },
    });
    const body = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, body };
  };
  const whole = await get();
  t.equal(whole.status, 200);
  t.same(whole.body, bytes);
  t.equal(whole.headers.get('content-type'), 'audio/wav');
  t.equal(whole.headers.get('accept-ranges'), 'bytes');
  t.equal(whole.headers.get('content-length'), '1000');
  t.match(whole.headers.get('content-disposition'), `${ID}.wav`);
  const parts: [range: string, start: number, end: number][] = [
    ['bytes=0-99', 0, 99],
    ['bytes=990-', 990, 999],
    ['bytes=-10', 990, 999],
    ['bytes=900-5000', 900, 999],
    ['bytes=-5000', 0, 999],
  ];
  for (const [range, start, end] of parts) {
    const part = await get(range);
    t.equal(part.status, 206, range);
    t.same(part.body, bytes.subarray(start, end + 1));
    t.equal(part.headers.get('content-range'), `bytes ${start}-${end}/1000`);
  }
  for (const range of ['bytes=1000-', 'bytes=-0']) {
    const none = await get(range);
    t.equal(none.status, 416, range);
    t.equal(none.headers.get('content-range'), 'bytes */1000');
  }
  for (const range of ['bytes=5-2', 'bytes=0-1,5-6', 'lines=0-1', 'bytes=-'])
    t.equal((await get(range)).body.length, 1000, `${range} is passed over`);
  t.equal((await get('bytes=0-1', { 'if-range': '"x"' })).status, 200);
  const head = await get(undefined, {}, 'HEAD');
  t.equal(head.status, 200);
  t.equal(head.headers.get('content-length'), '1000');
  t.equal(head.body.length, 0);

  const status = async (path: string): Promise<number> => {
    const response = await fetch(url + path);
    await response.arrayBuffer();
    return response.status;
  };
  asked.length = 0;
  t.equal(await status(`/v1/recordings/${ID}/audio`), 404, 'it is still being recorded');
  for (const id of [
    '..%2F..%2Fetc%2Fpasswd',
    '%2e%2e',
    'a/../../b',
    `${ID}%00`,
    `${ID}.wav`,
    'x'.repeat(5000),
  ])
    t.ok([400, 404, 414].includes(await status(`/v1/messages/${id}/audio`)), id.slice(0, 40));
  t.same(asked, [], 'nothing but an id gets further than the schema');
  t.equal(await status('/v1/messages/00000000/audio'), 404);
});

void t.test('announcements carry the name of who switched them, and tell what cannot be heard', async (t) => {
  const on: NewAnnouncement[] = [];
  const record = (request: NewAnnouncement): AnnouncementRecord => ({ since: NOW, id: ID, ...request });
  const keys = [
    { name: 'eye', role: 'viewer', hash: hashApiKey('look') },
    { name: 'ops-anna', role: 'operator', hash: hashApiKey('act') },
  ] as const;
  const { call } = await startApi(
    t,
    voicePorts({
      announcements: {
        current: () => on.map(record),
        history: () => on.map((one) => ({ ...record(one), endedAt: NOW, endedBy: 'ops-anna' })),
        switchOn: (request) => {
          on.push(request);
          return Promise.resolve({ announcement: record(request), warnings: ['no voice'] });
        },
        switchOff: (id, who) => Promise.resolve(id === ID && who === 'ops-anna'),
      },
    }),
    { keys: () => keys },
  );
  const as = (key: string, init: RequestInit = {}): RequestInit => ({
    ...init,
    headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${key}` },
  });
  const texts = { en: 'We know of an outage', de: 'Es gibt eine Störung' };
  const body = { did: '+12025550100', prompt: { say: texts }, until: NOW + 1000 };
  t.equal((await call('POST', '/v1/announcements', as('look', post(body)))).status, 403);
  t.match(await call('POST', '/v1/announcements', as('act', post(body))), {
    status: 201,
    body: { announcement: { id: ID, who: 'ops-anna', prompt: { say: texts } }, warnings: ['no voice'] },
  });
  t.same(on, [
    { did: '+12025550100', prompt: { kind: 'say', text: texts }, until: NOW + 1000, who: 'ops-anna' },
  ]);
  t.equal(
    (await call('POST', '/v1/announcements', as('act', post({ prompt: { file: 'outage.wav' } })))).status,
    201,
  );
  t.same(on[1]?.prompt, { kind: 'file', file: 'outage.wav' });
  for (const wrong of [
    {},
    { prompt: 'hello' },
    { prompt: {} },
    { prompt: { say: '' } },
    { prompt: { say: { 'not a language': 'x' } } },
    { prompt: { say: 'x', file: 'y.wav' } },
    { prompt: { say: 'x' }, did: 'everybody' },
    { prompt: { say: 'x' }, who: 'me' },
  ])
    t.equal(
      (await call('POST', '/v1/announcements', as('act', post(wrong)))).status,
      400,
      JSON.stringify(wrong),
    );
  t.match(await call('GET', '/v1/announcements', as('look')), {
    status: 200,
    body: { announcements: [{ prompt: { say: texts } }, { prompt: { file: 'outage.wav' } }] },
  });
  t.match(await call('GET', '/v1/announcements/history', as('look')), {
    body: { announcements: [{ endedBy: 'ops-anna' }, {}] },
  });
  t.equal((await call('DELETE', `/v1/announcements/${ID}`, as('look'))).status, 403);
  t.equal((await call('DELETE', `/v1/announcements/${ID}`, as('act'))).status, 204);
  t.equal((await call('DELETE', '/v1/announcements/00000000', as('act'))).status, 404);
  t.equal(
    (await call('GET', `/v1/messages/${ID}/audio`, as('look'))).status,
    403,
    'who looks does not listen',
  );
});

void t.test('answers of surveys and recordings, page by page', async (t) => {
  const queries: SurveyQuery[] = [];
  const answer = (id: string) => ({ id, survey: 'csat', callId: 'c', at: NOW, digits: '5', agent: '201' });
  const recording = (id: string) => ({
    id,
    callId: 'c1',
    file: `recordings/2026-11-24/${id}.wav`,
    what: 'both' as const,
    reason: 'policy' as const,
    startedAt: NOW,
    paused: [{ from: NOW, to: NOW + 1 }],
  });
  const { call } = await startApi(
    t,
    voicePorts({
      surveys: {
        has: (name) => name === 'unasked',
        answers: (query, { limit }) => {
          queries.push(query);
          return query.survey === 'csat' ? ['b', 'a'].slice(0, limit).map(answer) : [];
        },
        distribution: ({ survey }) => new Map(survey === 'csat' ? [['5', 2]] : []),
      },
      recordings: {
        list: ({ limit }) => ['b', 'a'].slice(0, limit).map(recording),
        ofCall: (id) => (id === 'c1' ? [recording('a')] : []),
        get: () => undefined,
        audio: () => undefined,
      },
    }),
  );
  t.match(await call('GET', '/v1/surveys/csat/answers?from=1&to=2&agent=201&limit=1'), {
    status: 200,
    body: { distribution: { 5: 2 }, answers: [{ id: 'b', digits: '5' }], next: 'b' },
  });
  t.same(queries, [{ survey: 'csat', since: 1, until: 2, agent: '201' }]);
  const last = await call('GET', '/v1/surveys/csat/answers');
  t.notHas(last.body, { next: String });
  t.match(await call('GET', '/v1/surveys/unasked/answers'), { status: 200, body: { answers: [] } });
  t.equal((await call('GET', '/v1/surveys/nothing/answers')).status, 404);
  const listed = await call('GET', '/v1/recordings?limit=1');
  t.match(listed, { status: 200, body: { recordings: [{ id: 'b', paused: [{ from: NOW }] }], next: 'b' } });
  t.notMatch(JSON.stringify(listed.body), /\.wav/, 'no file is told');
  t.match(await call('GET', '/v1/recordings?call=c1'), { body: { recordings: [{ id: 'a' }] } });
  t.equal((await call('GET', '/v1/recordings?before=../x')).status, 400);
});
