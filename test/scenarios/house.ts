import { createHash } from 'node:crypto';
import { systemClock } from '../../src/base/clock.js';
import { randomHex, newUuid } from '../../src/base/ids.js';
import { silentLogger } from '../../src/base/logger.js';
import { createBorder, type BorderRules } from '../../src/border/index.js';
import { createCalls, createWebhookClient, type Calls, type MediaParts } from '../../src/calls/index.js';
import { loadDialplanFiles } from '../../src/dialplan/index.js';
import type { CallRecord, LegRecord, TrunkSettings } from '../../src/model/index.js';
import { matchesPattern, parsePattern } from '../../src/numbers/index.js';
import { createRegistrar, type Binding } from '../../src/registrar/index.js';
import { createRouter } from '../../src/routing/index.js';
import { createSignalling } from '../../src/signalling/index.js';
import { startSipWorker } from '../../src/sip-server/index.js';
import { parseChallenge, type SipResponse } from '../../src/sip/index.js';
import { openStore } from '../../src/store/index.js';
import { createTrunks } from '../../src/trunks/index.js';
import { Phone } from '../signalling/phone.js';

export const DOMAIN = 'voice.example';

/** A whole server on loopback: SIP server, signalling, registrar, border, trunks, routing, calls and store, as the app wires them. */
export interface House {
  readonly port: number;
  readonly calls: Calls;
  phone(): Promise<Phone>;
  /** Trunks take force; phones know their ports only once they are open. */
  trunks(trunks: readonly TrunkSettings[]): Promise<void>;
  plan(yaml: string): void;
  /** The phone registers as this device. */
  register(phone: Phone, device: string, password: string): Promise<void>;
  /** The only record, or the newest, with its legs; after what was written is on disk. */
  record(): Promise<{ record: CallRecord; legs: readonly LegRecord[] }>;
  /** What is left of calls, legs and transactions: `{}` when nothing is. */
  leftOver(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

const NUMBERS = {
  country: 'US',
  areaCode: '202',
  receive: ['+e164', '00e164', 'national'],
  send: '+e164',
} as const;

const RULES: BorderRules = {
  allow: [],
  deny: [],
  blockCallers: ['+1900*'],
  blockUserAgents: [],
  unknownRate: { perSourcePerS: 1000, burst: 1000, totalPerS: 1000 },
  ban: { after: 1000, withinMs: 60_000, forMs: 60_000, escalate: 2, never: [] },
  fraud: { denyPrefixes: [] },
  limits: {},
  mode: 'enforce',
};

export function trunkTo(
  name: string,
  port: number | readonly number[],
  changes: Partial<TrunkSettings> = {},
): TrunkSettings {
  const ports = typeof port === 'number' ? [port] : port;
  return {
    name,
    kind: 'carrier',
    from: [],
    to: ports.map((one, index) => ({ uri: `sip:127.0.0.1:${one}`, weight: 1, priority: index + 1 })),
    did: ['request-uri'],
    numbers: NUMBERS,
    callerId: { trust: true, header: 'p-asserted-identity' },
    limits: {},
    retryOn: [408, 480, 500, 502, 503, 504],
    media: 'direct',
    tryTimeoutMs: 4000,
    rel100: 'supported',
    ...changes,
  };
}

export async function openHouse(
  folder: string,
  options: { readonly media?: MediaParts } = {},
): Promise<House> {
  const clock = systemClock;
  const logger = silentLogger;
  const worker = await startSipWorker({
    listen: [{ name: 'udp', transport: 'udp', host: '127.0.0.1', port: 0 }],
    sessionTimers: 'application',
    passTrying: true,
    thread: false,
  });
  const signalling = createSignalling({
    engines: [
      {
        kind: 'embedded',
        id: 'embedded',
        secret: 'x',
        open: () => worker.socket,
        traits: { passesTrying: true },
      },
    ],
    logger,
    userAgent: 'Trunkline/test',
  });
  const store = await openStore<Binding>(
    { path: `${folder}/trunkline.db`, durability: 'crash', keepRecordsMs: 86_400_000 },
    { clock, logger },
  );
  let plan = planOf('numbers: []');
  const trunks = createTrunks({
    clock,
    logger,
    domain: DOMAIN,
    resolve: () => Promise.resolve([]),
    sendOptions: () => Promise.resolve(200),
    onNetworksChanged: () => undefined,
  });
  const border = createBorder(RULES, [], {
    clock,
    logger,
    compileNumbers: (patterns) => {
      const read = patterns.map(parsePattern);
      return (number) => read.some((one) => !('error' in one) && matchesPattern(one, number));
    },
    bans: { load: () => [], save: () => undefined, remove: () => undefined },
    onBansChanged: () => undefined,
  });
  const registrar = createRegistrar({
    clock,
    logger,
    randomHex,
    device: (name) => plan.devices.get(name),
    realm: DOMAIN,
    algorithms: ['SHA-256', 'MD5'],
    store: store.registrations,
    onFailure: (address) => border.noteFailure(address, 'failed-digest'),
  });
  const router = createRouter({
    plans: { current: () => ({ plan, revision: 1 }), hoursOverride: () => undefined },
    trunks,
    authentication: registrar,
    border,
    numbers: () => NUMBERS,
    now: () => clock.now(),
    newId: newUuid,
    random: Math.random,
  });
  const calls = createCalls({
    clock,
    logger,
    random: Math.random,
    signalling,
    router,
    records: store.records,
    trunks,
    devices: registrar,
    capacity: border,
    webhooks: createWebhookClient({ fetch, clock }),
    settings: () => ({ domain: DOMAIN }),
    plan: () => ({ plan, revision: 1 }),
    ...options,
  });
  await signalling.start({
    invite: (call) => calls.incoming(call),
    request: (incoming) => {
      const { method } = incoming.request;
      if (method === 'REGISTER') incoming.respond(registrar.register(incoming.request, incoming.source));
      else incoming.respond({ status: method === 'OPTIONS' ? 200 : 405 });
    },
    engine: () => undefined,
  });
  const udp = signalling.listeners().find((listener) => listener.startsWith('udp/'))!;
  const port = Number(udp.slice(udp.lastIndexOf(':') + 1));
  const phones: Phone[] = [];

  return {
    port,
    calls,
    phone: async () => {
      const phone = await Phone.open(port);
      phones.push(phone);
      return phone;
    },
    trunks: async (all) => {
      await trunks.configure(all);
      border.configure(
        RULES,
        all.map(({ name, limits }) => ({ name, limits, networks: trunks.networksOf(name) })),
      );
    },
    plan: (yaml) => {
      plan = planOf(yaml);
    },
    register: (phone, device, password) => registerBy(phone, port, device, password),
    record: async () => {
      await store.flush();
      const { records } = await store.records.list({ limit: 1 });
      const detail = await store.records.get(records[0]!.id);
      return detail!;
    },
    leftOver: async () => {
      const until = clock.monotonic() + 3000;
      for (;;) {
        const { legs, openRequests, pending } = signalling.counts();
        const left = { calls: calls.size, legs, openRequests, pending };
        const some = Object.fromEntries(Object.entries(left).filter(([, count]) => count > 0));
        if (Object.keys(some).length === 0 || clock.monotonic() > until) return some;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    stop: async () => {
      calls.stop();
      await signalling.stop();
      await worker.stop();
      registrar.stop();
      trunks.stop();
      for (const phone of phones) phone.close();
      await store.close();
    },
  };
}

function planOf(yaml: string) {
  const loaded = loadDialplanFiles([{ path: 'main.yaml', text: yaml }], { env: () => undefined });
  if (loaded.plan === undefined) throw new Error(JSON.stringify(loaded.diagnostics, undefined, 1));
  return loaded.plan;
}

async function registerBy(phone: Phone, port: number, device: string, password: string): Promise<void> {
  const uri = `sip:${DOMAIN}`;
  const callId = randomHex(8);
  const send = (cseq: number, headers: readonly (readonly [string, string])[]): void => {
    const lines = [
      `REGISTER ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${phone.port};branch=z9hG4bK${randomHex(8)};rport`,
      'Max-Forwards: 70',
      `From: <sip:${device}@${DOMAIN}>;tag=${randomHex(4)}`,
      `To: <sip:${device}@${DOMAIN}>`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} REGISTER`,
      `Contact: <${phone.uri}>`,
      'Expires: 300',
      ...headers.map(([name, value]) => `${name}: ${value}`),
      'Content-Length: 0',
    ];
    phone.socket.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), port, '127.0.0.1');
  };
  send(1, []);
  const challenge = await phone.response(401, 'REGISTER');
  send(2, [['Authorization', credentials(challenge, 'REGISTER', uri, device, password)]]);
  await phone.response(200, 'REGISTER');
}

/** Answers the first challenge (SHA-256 is offered first, RFC 8760) with qop=auth. */
export function credentials(
  challenge: SipResponse,
  method: string,
  uri: string,
  username: string,
  password: string,
): string {
  const { params } = parseChallenge(challenge.headers.getAll('WWW-Authenticate')[0]!)!;
  const algorithm = params.get('algorithm') ?? 'MD5';
  const hash = (text: string): string =>
    createHash(algorithm === 'SHA-256' ? 'sha256' : 'md5')
      .update(text)
      .digest('hex');
  const realm = params.get('realm')!;
  const nonce = params.get('nonce')!;
  const cnonce = randomHex(8);
  const ha1 = hash(`${username}:${realm}:${password}`);
  const response = hash(`${ha1}:${nonce}:00000001:${cnonce}:auth:${hash(`${method}:${uri}`)}`);
  return (
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", algorithm=${algorithm}, ` +
    `response="${response}", cnonce="${cnonce}", qop=auth, nc=00000001`
  );
}
