import type { Test } from 'tap';
import { createApi, type ApiOptions, type ApiPorts } from '../../src/api/index.js';
import { silentLogger } from '../../src/base/logger.js';
import type { AgentChange, CallRecord } from '../../src/model/index.js';

const RECORD: CallRecord = {
  id: 'r1',
  state: 'ended',
  direction: 'inbound',
  sipCallId: 'abc@example',
  sourceAddress: '127.0.0.1',
  callerRaw: 'sip:a@b',
  dialedRaw: 'sip:+12025550100@x',
  dialed: '+12025550100',
  planRevision: 1,
  setupAt: 1,
  cause: { sip: 200, q850: 16, by: 'caller', kind: 'normal' },
  trace: '[{"kind":"note","text":"hello"}]',
};
export const NOW = 1_800_000_000_000;
export const RELOADED = { revision: 2, changed: true, warnings: [], restartNeeded: [] };

const refused = (): AgentChange => ({ kind: 'refused', reason: 'not-an-agent' });

export function fakePorts(changes: Partial<ApiPorts> = {}): ApiPorts {
  return {
    health: () => ({
      status: 'ok',
      version: '0.1.0',
      uptimeS: 1,
      listeners: ['udp/127.0.0.1:5060'],
      signalling: 'up',
      store: 'ok',
      calls: 0,
      planRevision: 1,
      media: { sessions: 2, portsFree: 100, workers: 1, lateMs: 0.5 },
      queues: {
        waiting: 0,
        callbacks: 0,
        longestWaitMs: 0,
        agents: { loggedIn: 1, available: 1, talking: 0 },
      },
    }),
    calls: {
      list: () => [{ id: 'c1', state: 'ringing', caller: '+1', dialed: '+2', since: 1, legs: 1 }],
      hangUp: (id) => id === 'c1',
      supervise: (id, { extension }) =>
        id !== 'c1'
          ? { kind: 'refused', reason: 'no-such-call' }
          : extension === '202'
            ? { kind: 'ringing' }
            : { kind: 'refused', reason: 'busy' },
      record: (id, what) => (id !== 'c1' ? 'no-such-call' : what === 'start' ? 'done' : 'not-connected'),
      transfer: (id, { to }) =>
        id !== 'c1'
          ? { kind: 'refused', reason: 'no-such-call', why: 'there is no such call' }
          : to === '202'
            ? { kind: 'ringing' }
            : { kind: 'refused', reason: 'not-allowed', why: 'no rule' },
    },
    records: {
      list: (query) => Promise.resolve({ records: [RECORD], next: JSON.stringify(query) }),
      get: (id) => Promise.resolve(id === 'r1' ? { record: RECORD, legs: [] } : undefined),
    },
    explain: (call) => ({ decision: JSON.stringify(call), verdict: { kind: 'admit' }, trace: [], lines: [] }),
    dialplan: {
      current: () => ({
        revision: 1,
        hash: 'h',
        loadedAt: 1,
        files: ['main.yaml'],
        numbers: 1,
        extensions: 1,
        tests: { passed: 1, failed: 0 },
        warnings: [],
      }),
      reload: () => Promise.resolve(RELOADED),
      revisions: () =>
        Promise.resolve([{ number: 1, hash: 'h', at: 1, by: 'start', files: ['main.yaml'], inForce: true }]),
      restore: () => Promise.resolve(RELOADED),
    },
    hours: { list: () => [], set: () => false, clear: () => false },
    events: { subscribe: () => () => undefined },
    registrations: () => [],
    trunks: () => [],
    bans: { list: () => [], lift: () => false },
    voice: {
      mailboxes: { list: () => ({ mailboxes: [] }), get: () => undefined, messages: () => [] },
      messages: {
        get: () => undefined,
        audio: () => undefined,
        mark: () => Promise.resolve(false),
        remove: () => Promise.resolve(false),
      },
      announcements: {
        current: () => [],
        history: () => [],
        switchOn: () => Promise.reject(new Error('no announcements')),
        switchOff: () => Promise.resolve(false),
      },
      surveys: { has: () => false, answers: () => [], distribution: () => new Map() },
      recordings: { list: () => [], ofCall: () => [], get: () => undefined, audio: () => undefined },
    },
    queues: {
      snapshot: () => ({ at: NOW, queues: [], agents: [] }),
      statistics: () => Promise.resolve({ queues: [], agents: [] }),
      cancelCallback: () => false,
      agents: { login: refused, logout: refused, pause: refused, resume: refused },
    },
    borderCounters: () => ({ banned: { refused: 1, observed: 0 } }),
    ...changes,
  };
}

export async function startApi(t: Test, ports: ApiPorts, options: Partial<ApiOptions> = {}) {
  const api = createApi(
    { host: '127.0.0.1', port: 0, keys: () => [], version: '0.1.0', now: () => NOW, ...options },
    ports,
    silentLogger,
  );
  const url = await api.start();
  t.teardown(() => api.stop());
  const call = async (method: string, path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, { method, ...init });
    const text = await response.text();
    return {
      status: response.status,
      body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : text,
    };
  };
  return { api, url, call };
}

export const post = (body: unknown): RequestInit => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
