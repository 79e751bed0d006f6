import t, { type Test } from 'tap';
import { answerRequest } from '../../src/app/answer-requests.js';
import { sendSummary } from '../../src/app/send-summary.js';
import { systemClock } from '../../src/base/clock.js';
import { randomHex } from '../../src/base/ids.js';
import { silentLogger } from '../../src/base/logger.js';
import {
  createMessageWaiting,
  createRegistrar,
  type Binding,
  type MessageWaiting,
  type MessageWaitingDeps,
  type SendSummary,
} from '../../src/registrar/index.js';
import { createSignalling } from '../../src/signalling/index.js';
import { startSipWorker } from '../../src/sip-server/index.js';
import { SipRequest, type SipResponse } from '../../src/sip/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { credentials } from '../scenarios/house.js';
import { Phone } from '../signalling/phone.js';

const DOMAIN = 'voice.example';
const DEVICE = { name: '201', extension: '201', password: 'secret', hotDesk: false };

/** A registrar with message waiting on loopback, wired as the app does. */
async function openOffice(t: Test) {
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
    logger: silentLogger,
  });
  const counts = { new: 0, saved: 0 };
  const bindings = new Set<Binding>();
  const registrar = createRegistrar({
    clock: systemClock,
    logger: silentLogger,
    randomHex,
    realm: DOMAIN,
    algorithms: ['SHA-256', 'MD5'],
    device: (name) =>
      name === '201' ? DEVICE : name === '202' ? { ...DEVICE, name, extension: '202' } : undefined,
    store: {
      load: () => [],
      save: (binding) => void bindings.add(binding),
      remove: (binding) => void bindings.delete(binding),
    },
    onFailure: () => undefined,
    onChange: ({ kind, binding }) => {
      if (kind === 'registered') messageWaiting.registered(binding);
    },
  });
  const messageWaiting: MessageWaiting = createMessageWaiting({
    clock: systemClock,
    logger: silentLogger,
    domain: DOMAIN,
    authenticate: (request, source) => registrar.authenticateInvite(request, source),
    bindings: () => registrar.list(),
    mailboxOf: (extension) => (extension === '201' ? 'sales' : undefined),
    counts: () => counts,
    send: sendSummary(signalling),
  });
  registrar.start();
  messageWaiting.start();
  await signalling.start({
    invite: () => {
      throw new Error('no calls here');
    },
    request: (incoming) => answerRequest(incoming, { registrar, messageWaiting, isDraining: () => false }),
    engine: () => undefined,
  });
  const udp = signalling.listeners()[0]!;
  const port = Number(udp.slice(udp.lastIndexOf(':') + 1));
  const phone = await Phone.open(port);
  t.teardown(async () => {
    messageWaiting.stop();
    registrar.stop();
    await signalling.stop();
    await worker.stop();
    phone.close();
  });
  return { phone, port, counts, messageWaiting, signalling };
}

type Office = Awaited<ReturnType<typeof openOffice>>;
type Lines = readonly (readonly [string, string])[];

interface Conversation {
  readonly method: 'REGISTER' | 'SUBSCRIBE';
  readonly user?: string;
  readonly callId?: string;
  readonly fromTag?: string;
  readonly toTag?: string;
  readonly cseq?: number;
  readonly headers: Lines;
}

function send({ phone }: Office, spec: Conversation, more: Lines = [], cseq = spec.cseq ?? 1): void {
  const { method, user = '201' } = spec;
  const request = new SipRequest(method, `sip:${DOMAIN}`);
  const tag = spec.toTag === undefined ? '' : `;tag=${spec.toTag}`;
  const lines: Lines = [
    ['Via', `SIP/2.0/UDP 127.0.0.1:${phone.port};branch=z9hG4bK${randomHex(8)};rport`],
    ['Max-Forwards', '70'],
    ['From', `<sip:${user}@${DOMAIN}>;tag=${spec.fromTag ?? 'me'}`],
    ['To', `<sip:${user}@${DOMAIN}>${tag}`],
    ['Call-ID', spec.callId ?? 'one'],
    ['CSeq', `${cseq} ${method}`],
    ['Contact', `<${phone.uri}>`],
    ...spec.headers,
    ...more,
  ];
  for (const [name, value] of lines) request.headers.add(name, value);
  phone.send(request);
}

/** Sends it, answers the challenge, and gives the final answer. */
async function ask(office: Office, spec: Conversation, status = 200): Promise<SipResponse> {
  const { method, user = '201', cseq = 1 } = spec;
  send(office, spec);
  const challenge = await office.phone.response(401, method);
  const authorization = credentials(challenge, method, `sip:${DOMAIN}`, user, 'secret');
  send(office, spec, [['Authorization', authorization]], cseq + 1);
  return office.phone.response(status, method);
}

/** The next NOTIFY, answered: its state, and what it says. */
async function notified({ phone }: Office, status = 200) {
  const request = await phone.request('NOTIFY');
  phone.respond(request, status);
  const voice = /Voice-Message: (\S+)/.exec(request.body)?.[1];
  return { request, state: request.headers.get('Subscription-State'), voice };
}

void t.test('a phone that registers is told of its messages, and of each change', async (t) => {
  const office = await openOffice(t);
  office.counts.new = 2;
  await ask(office, { method: 'REGISTER', headers: [['Expires', '300']] });
  const first = await notified(office);
  t.equal(first.state, 'terminated;reason=noresource', 'nobody had subscribed');
  t.equal(first.request.headers.get('Event'), 'message-summary');
  t.equal(first.request.headers.get('Content-Type'), 'application/simple-message-summary');
  t.equal(first.request.uri, office.phone.uri);
  t.equal(first.request.contact?.uri, `sip:messages@127.0.0.1:${office.port}`);
  t.same(first.request.body.split('\r\n'), [
    'Messages-Waiting: yes',
    `Message-Account: sip:201@${DOMAIN}`,
    'Voice-Message: 2/0 (0/0)',
    '',
  ]);
  office.counts.new = 0;
  office.counts.saved = 3;
  office.messageWaiting.changed('sales');
  office.messageWaiting.changed('sales');
  const second = await notified(office);
  t.match(second.request.body, /^Messages-Waiting: no\r\n/);
  t.equal(second.voice, '0/3');
  office.messageWaiting.changed('other');
  await ask(office, { method: 'REGISTER', callId: 'again', headers: [['Expires', '300']] });
  t.equal((await notified(office)).voice, '0/3', 'a phone that was switched on again');
  t.same(
    office.phone.received.map((message) => message.kind),
    [],
    'two changes at once are told once; another mailbox is nobody’s',
  );
});

void t.test('a phone subscribes, is told in the dialog, refreshes it, and ends it', async (t) => {
  const office = await openOffice(t);
  office.counts.new = 1;
  const subscribe = (
    more: Partial<Conversation>,
    expires: string,
    event = 'message-summary',
  ): Conversation => ({
    method: 'SUBSCRIBE',
    callId: 'sub',
    fromTag: 'lamp',
    headers: [
      ['Event', event],
      ['Accept', 'application/simple-message-summary'],
      ['Expires', expires],
    ],
    ...more,
  });
  send(office, subscribe({ callId: 'p' }, '600', 'presence'));
  const refused = await office.phone.response(489);
  t.equal(refused.headers.get('Allow-Events'), 'message-summary');
  send(office, subscribe({ callId: 'q' }, '5'));
  t.equal((await office.phone.response(423)).headers.get('Min-Expires'), '60');
  await ask(office, subscribe({ callId: 'r', user: '202' }, '600'), 404);

  await ask(office, { method: 'REGISTER', headers: [['Expires', '300']] });
  await notified(office);
  const granted = await ask(office, subscribe({}, '600'));
  t.equal(granted.headers.get('Expires'), '600');
  t.ok(granted.headers.get('Contact'), 'where the next SUBSCRIBE goes');
  const { toTag } = granted;
  const first = await notified(office);
  t.match(first.state, /^active;expires=(600|599)$/);
  t.equal(first.voice, '1/0');
  t.equal(first.request.callId, 'sub');
  t.equal(first.request.fromTag, toTag);
  t.equal(first.request.toTag, 'lamp');

  office.counts.new = 5;
  office.messageWaiting.changed('sales');
  const second = await notified(office);
  t.equal(second.voice, '5/0');
  t.equal(second.request.cseq.seq, first.request.cseq.seq + 1);
  t.same(office.phone.received, [], 'who subscribed is not told twice');

  const refreshed = await ask(office, subscribe({ toTag: toTag!, cseq: 10 }, '300'));
  t.equal(refreshed.headers.get('Expires'), '300');
  t.match((await notified(office)).state, /^active;expires=(300|299)$/);

  await ask(office, subscribe({ toTag: toTag!, cseq: 20 }, '0'));
  t.equal((await notified(office)).state, 'terminated;reason=timeout');
  send(office, subscribe({ toTag: toTag!, cseq: 30 }, '300'));
  await office.phone.response(481);

  const again = await ask(office, subscribe({ callId: 'sub2' }, '600'));
  t.ok(again.toTag);
  await notified(office, 481);
  t.match((await notified(office)).state, /noresource/, 'who has forgotten it is told as a phone');
});

function subscribeRequest(callId: string, expires: string | undefined): SipRequest {
  const request = new SipRequest('SUBSCRIBE', `sip:${DOMAIN}`);
  request.headers.add('From', `<sip:201@${DOMAIN}>;tag=a`);
  request.headers.add('To', `<sip:201@${DOMAIN}>`);
  request.headers.add('Call-ID', callId);
  request.headers.add('CSeq', '1 SUBSCRIBE');
  request.headers.add('Event', 'message-summary;id=7');
  if (expires !== undefined) request.headers.add('Expires', expires);
  return request;
}

void t.test('subscriptions end with their time; a device has ten; a burst leaves bit by bit', async (t) => {
  const clock = createFakeClock();
  const sent: Parameters<SendSummary>[] = [];
  const phones = Array.from({ length: 250 }, (_, index): Binding => ({
    device: `d${index}`,
    extension: '201',
    contact: `sip:201@192.0.2.1:${10_000 + index}`,
    path: [],
    source: `sip:192.0.2.1:${10_000 + index};transport=udp`,
    listener: 'udp/192.0.2.5:5060',
    callId: 'c',
    cseq: 1,
    registeredAt: 0,
    expiresAt: Infinity,
  }));
  let bindings: readonly Binding[] = [];
  const deps: MessageWaitingDeps = {
    clock,
    logger: silentLogger,
    domain: DOMAIN,
    authenticate: () => ({ kind: 'ok', device: { ...DEVICE, extension: 'acme/201' } }),
    bindings: () => bindings,
    mailboxOf: () => 'sales',
    counts: () => ({ new: 1, saved: 0 }),
    send: (...notify) => {
      sent.push(notify);
      return Promise.resolve(200);
    },
  };
  const waiting = createMessageWaiting(deps);
  waiting.start();
  const source = { address: '192.0.2.1', port: 10_000, transport: 'udp', listener: 'udp/192.0.2.5:5060' };
  const subscribe = (callId: string, expires?: string) =>
    waiting.subscribe(subscribeRequest(callId, expires), source, { id: callId, engineId: 'e' });
  const stateOf = ([, headers]: Parameters<SendSummary>): string => headers[1]![1];

  t.same(subscribe('a'), { status: 200, headers: [['Expires', '3600']] });
  t.same(subscribe('b', '999999').headers, [['Expires', '7200']]);
  clock.advance(250);
  t.same(sent.map(stateOf), ['active;expires=3600', 'active;expires=7200']);
  t.match(sent[0]![1], [['Event', 'message-summary;id=7']], 'as the phone wrote it');
  t.match(sent[0]![2], /sip:201@acme\.voice\.example/);
  sent.length = 0;
  clock.advance(3_600_000 + 6000);
  t.same(sent.map(stateOf), ['terminated;reason=timeout']);
  sent.length = 0;
  waiting.changed('sales');
  clock.advance(250);
  t.same(
    sent.map(([to]) => to.kind === 'subscriber' && to.dialog.id),
    ['b'],
  );

  for (let index = 0; index < 12; index++) subscribe(`many${index}`);
  clock.advance(250);
  sent.length = 0;
  waiting.changed('sales');
  clock.advance(250);
  t.equal(sent.length, 10, 'the oldest made room');

  sent.length = 0;
  bindings = phones;
  waiting.changed('sales');
  clock.advance(250);
  t.equal(sent.length, 100);
  clock.advance(1000);
  t.equal(sent.length, 10 + 249, 'the phone that subscribed is told in its subscriptions alone');
  waiting.stop();
  waiting.changed('sales');
  t.equal(clock.pending, 0, 'nothing waits after the stop');

  const refuses = createMessageWaiting({ ...deps, authenticate: () => ({ kind: 'trunk', trunk: 'west' }) });
  t.equal(refuses.subscribe(subscribeRequest('x', '60'), source, { id: 'x', engineId: 'e' }).status, 403);
  await Promise.resolve();
});
