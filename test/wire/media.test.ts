import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RtpPeer, toneShare } from '../media/rtp-peer.js';
import { missing } from '../helpers/tools.js';
import { startBaresip } from './baresip.js';
import { CARRIER_ADDRESS, cuedCallee, cuedCaller, type CuedPhone, type MediaOffer } from './cued-phone.js';
import {
  heardInTurn,
  keysHeard,
  keysHeardInBand,
  longestGapMs,
  pressInBand,
  pressKeys,
  toneMs,
  tonesInTurn,
  toneWav,
  wavChannels,
} from './media-peer.js';
import { freeSipPort, startServer, type ServerProcess } from './server-process.js';
import { sipp } from './sipp.js';

// Real audio on the wire: the built server as a process of its own, SIPp for the signalling of callers and phones, sockets of the test for
// their media. Each sound is a tone of its own, so that what was heard says by itself what was played.

const skip = missing('sipp');

/** Of the package sip-tester. */
const SIPP_DIGIT = '/usr/share/sip-tester/dtmf_2833_1.pcap';

const MENU_HZ = 500;
const INVALID_HZ = 650;
const NO_INPUT_HZ = 800;
const SLOW_HZ = 350;
const BEEP_HZ = 1000;
const EARLY_HZ = 1250;
const HOLD_HZ = 1600;
const RING_HZ = 2000;
/** What people say. */
const CALLER_HZ = 1000;
const CALLEE_HZ = 2500;

const PROMPTS = {
  'prompts/en/menu.wav': toneWav(MENU_HZ, 600),
  'prompts/invalid.wav': toneWav(INVALID_HZ, 400, 8000),
  'prompts/no-input.wav': toneWav(NO_INPUT_HZ, 400, 44_100),
  'prompts/slow.wav': toneWav(SLOW_HZ, 20_000),
  'prompts/early.wav': toneWav(EARLY_HZ, 600, 48_000),
  'prompts/hold.wav': toneWav(HOLD_HZ, 3000),
  'prompts/ring.wav': toneWav(RING_HZ, 3000),
};

const PLAN = `
numbers:
  - { did: "+12025550100", route: { menu: main } }
  - { did: "+12025550101", route: { extension: "203" } }
  - { did: "+12025550102", route: { voicemail: sales } }
  - { did: "+12025550103", route: { ring: [{ extension: "203", confirm: true }], music: ring.wav } }
  - { did: "+12025550104", route: [{ play: early.wav, early: true }, { extension: "203" }] }
  - did: "+12025550105"
    route:
      - { collect: code, prompt: menu.wav, digits: 4, timeout: 2s }
      - { match: { code: "4711" }, then: { extension: "206" }, otherwise: { extension: "207" } }
  - did: "+12025550106"
    route: [{ record: start }, { extension: "203", after: { survey: csat } }]
  - { did: "+12025550107", route: { menu: slow } }
  - { did: "+12025550108", route: { extension: "201" } }
  - { did: "+12025550109", route: { queue: sales } }
  - { did: "+12025550110", route: { queue: support } }
  - { did: "+12025550111", route: [{ play: menu.wav }, { extension: "203", otherwise: busy }] }
menus:
  main:
    prompt: menu.wav
    invalid: invalid.wav
    no-input: no-input.wav
    timeout: 1s
    attempts: 3
    keys:
      "1": { extension: "203" }
      "2": { menu: slow }
    otherwise: { extension: "204" }
  slow:
    prompt: slow.wav
    keys:
      "1": { extension: "205" }
mailboxes:
  sales: { pin: "2222", greeting: menu.wav }
surveys:
  csat: { ask: no-input.wav, digits: 1, accept: "[1-5]" }
queues:
  sales: { agents: ["203"], music: ring.wav, wrap-up: 1s }
  support: { agents: ["201"] }
extensions:
  "201": { name: Ann Lee, password: "secret-201" }
  "700": { route: { menu: main } }
  "203..299": { trunk: pbx }
`;

const settings = (pbxPort: number, media = ''): string => `trunks:
  carrier: { kind: carrier, from: [${CARRIER_ADDRESS}] }
  pbx: { kind: pbx, to: [{ uri: "sip:127.0.0.1:${pbxPort}" }] }
media:
  prompts: prompts
  hold-music: hold.wav
${media}`;

/** The callee picks up, and each hears the other's tone. */
async function talk(caller: CuedPhone, callee: CuedPhone, laws: { caller?: 'a'; callee?: 'a' } = {}) {
  await callee.answer();
  await callee.aim();
  await caller.aim();
  await converse(caller, callee, laws);
}

async function converse(caller: CuedPhone, callee: CuedPhone, laws: { caller?: 'a'; callee?: 'a' } = {}) {
  caller.media.speak(CALLER_HZ, { law: laws.caller ?? 'mu' });
  callee.media.speak(CALLEE_HZ, { law: laws.callee ?? 'mu' });
  const hears = async ({ media, done }: CuedPhone, hz: number) => {
    const heard = media.hearTone(hz, 15_000);
    // Rather what its signalling died of than that nothing was heard.
    await Promise.race([heard, done.then(() => heard)]);
  };
  await Promise.all([hears(caller, CALLEE_HZ), hears(callee, CALLER_HZ)]);
}

async function hangUp(who: CuedPhone, other: CuedPhone) {
  await who.hangUp();
  await Promise.all([who.done, other.done]);
}

/** The messages of a mailbox, once there are so many. */
function messagesOf(server: ServerProcess, mailbox: string): string[] {
  try {
    const folder = join(server.folder, 'data', 'voicemail', mailbox);
    return readdirSync(folder)
      .filter((name) => name.endsWith('.wav'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function missingFile(path: string): string | false {
  return existsSync(path) ? false : `there is no ${path}`;
}

/** Whatever a test that failed has left must not trouble the next. */
async function clear(server: ServerProcess) {
  const left = (await server.api('/v1/calls')).body['calls'] as { id: string }[];
  for (const { id } of left) await server.api(`/v1/calls/${id}`, { method: 'DELETE' });
}

async function noCalls(server: ServerProcess) {
  await server.waitFor('/v1/calls', (body) => (body['calls'] as unknown[]).length === 0);
}

void t.test('what callers hear', { skip, timeout: 240_000 }, async (t) => {
  const pbxPort = await freeSipPort();
  const server = await startServer(t, {
    sip: '  digest: [MD5]',
    settings: settings(pbxPort),
    dialplan: PLAN,
    more: PROMPTS,
  });
  const each = (name: string, run: (t: Test) => Promise<void>) =>
    t.test(name, (t) => run(t).finally(() => clear(server)));
  const callee = (t: Test, offer: MediaOffer = {}) => cuedCallee(t, server, { port: pbxPort, ...offer });
  const caller = (t: Test, number: string, offer: MediaOffer = {}) =>
    cuedCaller(t, server, { number: `+1202555${number}`, ...offer });

  await each('a menu plays its prompt; a key by RFC 4733 rings the right extension', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0100');
    await bob.aim();
    await bob.media.hearTone(MENU_HZ);
    await bob.media.until(() => heardInTurn(bob.media).at(-1)?.hz === 0, 'the end of the prompt');
    const [prompt] = heardInTurn(bob.media).filter(({ hz }) => hz === MENU_HZ);
    t.ok(prompt!.ms >= 560 && prompt!.ms <= 640, `the prompt is whole: ${prompt!.ms} ms`);
    await pressKeys(bob.media, '1');
    t.match(await ann.message(/^INVITE/), /^INVITE sip:203@/);
    await talk(bob, ann);
    await hangUp(bob, ann);
  });

  // SIPp plays packets through a raw socket.
  const rawSkip = process.getuid?.() === 0 ? missingFile(SIPP_DIGIT) : 'SIPp plays packets as root only';
  await t.test("a key of SIPp's own recording counts", { skip: rawSkip }, async (t) => {
    const ann = await callee(t);
    const bob = await sipp(t, 'caller-presses-1', {
      target: `127.0.0.1:${server.sipPort}`,
      address: CARRIER_ADDRESS,
      number: '+12025550107',
      arguments: ['-mi', CARRIER_ADDRESS, '-mp', String((await freeSipPort()) & ~1)],
    });
    t.match(await ann.message(/^INVITE/), /^INVITE sip:205@/);
    await ann.answer();
    await ann.hangUp();
    await Promise.all([bob.done, ann.done]);
  });

  await each('a wrong key, and then none, are told so before the menu is offered again', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0100');
    await bob.aim();
    await bob.media.hearTone(MENU_HZ);
    await pressKeys(bob.media, '9');
    t.match(await ann.message(/^INVITE/), /^INVITE sip:204@/);
    t.same(tonesInTurn(bob.media), [MENU_HZ, INVALID_HZ, MENU_HZ, NO_INPUT_HZ, MENU_HZ]);
    await talk(bob, ann);
    await hangUp(ann, bob);
  });

  await each('a key by SIP INFO stops the prompt and leads on', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0100');
    await bob.media.hearTone(MENU_HZ);
    await bob.info('2');
    await bob.media.hearTone(SLOW_HZ);
    await bob.info('1');
    t.match(await ann.message(/^INVITE/), /^INVITE sip:205@/);
    const after = bob.media.seen.length;
    await talk(bob, ann);
    t.notOk(tonesInTurn(bob.media, after + 10).includes(SLOW_HZ), 'the prompt has stopped');
    await hangUp(bob, ann);
  });

  await each('a key by its tones counts where no telephone-event was offered', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0107', { formats: '0' });
    await bob.aim();
    await bob.media.hearTone(SLOW_HZ);
    await pressInBand(bob.media, '1');
    t.match(await ann.message(/^INVITE/), /^INVITE sip:205@/);
    await talk(bob, ann);
    await hangUp(bob, ann);
  });

  await each('PCMU and PCMA: tones pass both ways without a gap; hold, resume, and a stranger', async (t) => {
    const laws = { callee: 'a' } as const;
    const ann = await callee(t, { formats: '8 101' });
    const bob = await caller(t, '0101', { formats: '0 101' });
    // From the start of the call, before anybody has sent: a neighbour of the caller, and an address of its own.
    const strangers = [await RtpPeer.open(CARRIER_ADDRESS), await RtpPeer.open('127.0.0.2')];
    t.teardown(() => strangers.forEach((stranger) => stranger.close()));
    await ann.answer();
    await bob.aim();
    for (const stranger of strangers) {
      stranger.target = { ...bob.media.target };
      stranger.speak(SLOW_HZ);
    }
    await ann.aim();
    await converse(bob, ann, laws);
    const from = [bob.media.seen.length, ann.media.seen.length] as const;
    await Promise.all([bob.media.hear(100), ann.media.hear(100)]);
    const heard = [bob.media.seen.slice(from[0]), ann.media.seen.slice(from[1])] as const;
    t.ok(heard[0].every((packet) => packet.pt === 0) && heard[1].every((packet) => packet.pt === 8));
    const gaps = [longestGapMs(bob.media, heard[0], CALLEE_HZ), longestGapMs(ann.media, heard[1], CALLER_HZ)];
    t.ok(Math.max(...gaps) <= 40, `the longest gaps are ${gaps.join(' and ')} ms`);
    t.notOk(tonesInTurn(ann.media).includes(SLOW_HZ), 'strangers are not heard');
    t.same(
      strangers.map((stranger) => stranger.packetsHeard),
      [0, 0],
      'nor answered',
    );

    for (let index = 0; index < 200; index++) {
      strangers[index % 2]!.raw(randomBytes(1 + ((index * 37) % 400)));
      bob.media.raw(Buffer.concat([Buffer.from([0xc0 | (index & 0x3f)]), randomBytes((index * 13) % 300)]));
      bob.media.rawRtcp(randomBytes(1 + ((index * 29) % 300)));
    }
    await converse(bob, ann, laws);
    await hangUp(bob, ann);
  });

  await each(
    'either side holds: the other hears music until it is back, and follows it to another port',
    async (t) => {
      const ann = await callee(t);
      const bob = await caller(t, '0101');
      await talk(bob, ann);
      for (const [holder, held, tone] of [
        [bob, ann, CALLER_HZ],
        [ann, bob, CALLEE_HZ],
      ] as const) {
        await holder.change('sendonly');
        await held.media.hearTone(HOLD_HZ, 15_000);
        await holder.change('sendrecv');
        await converse(bob, ann);
        const resumed = held.media.seen.length;
        await held.media.hear(50);
        t.same(tonesInTurn(held.media, resumed), [tone], 'the music has ended');
      }
      const elsewhere = await RtpPeer.open(CARRIER_ADDRESS);
      t.teardown(() => elsewhere.close());
      await bob.change('sendrecv', elsewhere.port);
      await elsewhere.hearTone(CALLEE_HZ, 15_000);
      bob.media.hush();
      elsewhere.target = { ...bob.media.target };
      elsewhere.speak(SLOW_HZ);
      await ann.media.hearTone(SLOW_HZ, 15_000);
      await hangUp(bob, ann);
    },
  );

  await each(
    'keys reach the other side, under its payload type, or as tones where it takes only these',
    async (t) => {
      for (const [formats, heard] of [
        ['0 96', (ann: CuedPhone) => keysHeard(ann.media, 96)],
        ['0', (ann: CuedPhone, from: number) => keysHeardInBand(ann.media, from)],
      ] as const) {
        const ann = await callee(t, { formats });
        const bob = await caller(t, '0101', { formats: '0 101' });
        await talk(bob, ann);
        bob.media.speak(0);
        await ann.media.hearTone(0);
        const from = ann.media.seen.length;
        bob.media.hush();
        await pressKeys(bob.media, '5#');
        bob.media.speak(0);
        await ann.media.until(() => heard(ann, from) === '5#', 'the keys');
        await hangUp(bob, ann);
      }
    },
  );

  await each(
    'a caller in a menu describes its media late, changes it, and hears who is called as it rings',
    async (t) => {
      const ann = await callee(t, { when: 'early' });
      const bob = await caller(t, '0107', { formats: '8 101', when: 'late' });
      await bob.aim();
      await bob.media.hearTone(SLOW_HZ);
      t.ok(
        bob.media.seen.every((packet) => packet.pt === 8),
        'in its own law',
      );
      const elsewhere = await RtpPeer.open(CARRIER_ADDRESS);
      t.teardown(() => elsewhere.close());
      await bob.change('sendrecv', elsewhere.port);
      await elsewhere.hearTone(SLOW_HZ);
      elsewhere.target = { ...bob.media.target };
      await pressKeys(elsewhere, '1');
      await ann.message(/^INVITE/);
      await ann.aim();
      ann.media.speak(CALLEE_HZ);
      await elsewhere.hearTone(CALLEE_HZ, 15_000);
      await ann.answer();
      elsewhere.speak(CALLER_HZ, { law: 'a' });
      await ann.media.hearTone(CALLER_HZ, 15_000);
      await hangUp(ann, bob);
    },
  );

  await each('who was answered by us hears ringing, and then that the line is busy', async (t) => {
    const bob = await caller(t, '0111');
    const ann = await callee(t);
    await bob.media.hearTone(MENU_HZ);
    await ann.message(/^INVITE/);
    const hears = (...tones: number[]) =>
      bob.media.until(
        () => {
          const last = bob.media.pcm(bob.media.seen.slice(-10));
          return tones.every((hz) => toneShare(last, hz) > 0.3);
        },
        `${tones.join(' and ')} Hz`,
      );
    await hears(440, 480);
    await ann.refuse();
    await hears(480, 620);
    await hangUp(bob, ann);
  });

  await each('a message is left after greeting and beep, and is there as it was said', async (t) => {
    const bob = await caller(t, '0102');
    await bob.aim();
    await bob.media.hearTone(MENU_HZ);
    await bob.media.hearTone(BEEP_HZ);
    await bob.media.hearTone(0);
    bob.media.speak(CALLEE_HZ);
    const spokenFrom = bob.media.seen.length;
    await bob.media.until(() => bob.media.seen.length >= spokenFrom + 100, 'two seconds', 15_000);
    bob.media.hush();
    await pressKeys(bob.media, '#');
    await bob.media.hearTone(-1, 15_000);
    await pressKeys(bob.media, '1');
    await bob.done;
    t.same(tonesInTurn(bob.media).slice(0, 2), [MENU_HZ, BEEP_HZ]);
    const files = messagesOf(server, 'sales');
    t.equal(files.length, 1);
    const [said] = wavChannels(readFileSync(files[0]!));
    const ms = toneMs(said!, CALLEE_HZ);
    t.ok(ms >= 1700 && ms <= 2600, `the tone lasts ${ms} ms`);
    t.equal(toneMs(said!, BEEP_HZ), 0, 'the beep is not in it');
  });

  await each('who hangs up in the middle has left the message; less than a second is none', async (t) => {
    const before = messagesOf(server, 'sales');
    const leave = async (packets: number) => {
      const bob = await caller(t, '0102');
      await bob.aim();
      await bob.media.hearTone(BEEP_HZ, 15_000);
      await bob.media.hearTone(0);
      bob.media.speak(CALLEE_HZ);
      await bob.media.hear(packets);
      await bob.hangUp();
      await bob.done;
    };
    await Promise.all([leave(80), leave(15)]);
    await noCalls(server);
    await server.waitFor(
      '/v1/mailboxes/sales/messages',
      () => messagesOf(server, 'sales').length > before.length,
    );
    const [kept, ...more] = messagesOf(server, 'sales').filter((file) => !before.includes(file));
    t.same(more, []);
    const ms = toneMs(wavChannels(readFileSync(kept!))[0]!, CALLEE_HZ);
    t.ok(ms >= 1200, `the tone lasts ${ms} ms`);
  });

  await each('music while it rings; who answers is asked to confirm, and then they talk', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0103');
    await bob.message(/^SIP\/2.0 183/);
    await bob.media.hearTone(RING_HZ);
    await ann.answer();
    await ann.aim();
    await ann.media.hearTone(-1, 15_000);
    t.equal(bob.media.dominant(5), RING_HZ, 'the caller still hears music');
    t.notOk(
      bob.received().some((one) => one.startsWith('SIP/2.0 200')),
      'and is not answered',
    );
    await pressKeys(ann.media, '1');
    await bob.message(/^SIP\/2.0 200/);
    await bob.aim();
    await converse(bob, ann);
    await hangUp(ann, bob);
  });

  await each('an early announcement is heard before the answer', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0104');
    await bob.media.hearTone(EARLY_HZ);
    await ann.message(/^INVITE/);
    t.notOk(
      bob.received().some((one) => one.startsWith('SIP/2.0 200')),
      'not answered yet',
    );
    t.match(await bob.message(/^SIP\/2.0 183/), /m=audio/);
    await talk(bob, ann);
    await hangUp(bob, ann);
  });

  await each('digits that were collected decide', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0105');
    await bob.aim();
    await bob.media.hearTone(MENU_HZ);
    await pressKeys(bob.media, '4711');
    t.match(await ann.message(/^INVITE/), /^INVITE sip:206@/);
    await talk(bob, ann);
    await hangUp(bob, ann);
  });

  await each('a recording has both sides in stereo; a survey follows when the callee leaves', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0106');
    await talk(bob, ann);
    await Promise.all([bob.media.hear(75), ann.media.hear(75)]);
    await ann.hangUp();
    await ann.done;
    await bob.media.hearTone(NO_INPUT_HZ, 15_000);
    bob.media.hush();
    await pressKeys(bob.media, '4');
    await bob.done;
    await noCalls(server);
    const folder = join(server.folder, 'data', 'recordings');
    const file = readdirSync(folder, { recursive: true }).find((name) => String(name).endsWith('.wav'));
    const sides = wavChannels(readFileSync(join(folder, String(file))));
    t.equal(sides.length, 2);
    t.ok(toneMs(sides[0]!, CALLER_HZ) > 1000, 'left the caller');
    t.ok(toneMs(sides[1]!, CALLEE_HZ) > 1000, 'right the callee');
    const answers = await server.waitFor('/v1/surveys/csat/answers', (body) =>
      JSON.stringify(body).includes('"digits":"4"'),
    );
    t.ok(answers);
  });

  await each('a queue: music until an agent answers, both hear each other, the next one waits', async (t) => {
    const ann = await callee(t);
    const [bob, eve] = [await caller(t, '0109'), await caller(t, '0109')];
    for (const waiting of [bob, eve]) {
      await waiting.aim();
      waiting.media.speak(0);
      await waiting.media.hearTone(RING_HZ, 15_000);
    }
    const invite = await ann.message(/^INVITE/);
    t.match(invite, /^INVITE sip:203@/);
    await talk(bob, ann);
    t.equal(eve.media.dominant(5), RING_HZ, 'the second still waits');
    await hangUp(ann, bob);
    const again = await callee(t);
    await again.message(/^INVITE/);
    await talk(eve, again);
    await hangUp(eve, again);
  });

  await each('a caller who leaves a queue takes the ring back', async (t) => {
    const ann = await callee(t);
    const bob = await caller(t, '0109');
    await bob.media.hearTone(RING_HZ, 15_000);
    await ann.message(/^INVITE/);
    await bob.hangUp();
    await ann.message(/^CANCEL/);
    await Promise.all([bob.done, ann.done]);
  });

  await t.test(
    'baresip: a phone that registers, chooses in a menu, is called, and serves a queue',
    { skip: missing('baresip') },
    async (t) => {
      const SINE_HZ = 650;
      const phone = await startBaresip(t, server, { user: '201', password: 'secret-201', hz: SINE_HZ });
      await server.waitFor('/v1/registrations', (body) => JSON.stringify(body).includes('"201"'));

      const ann = await callee(t);
      phone.command('dial', '700');
      await phone.event('CALL_ESTABLISHED');
      phone.command('sndcode', '1');
      t.match(await ann.message(/^INVITE/), /^INVITE sip:203@/);
      await ann.answer();
      await ann.aim();
      ann.media.speak(CALLEE_HZ);
      await ann.media.hearTone(SINE_HZ, 15_000);
      await ann.media.hear(50);
      await ann.hangUp();
      await phone.event('CALL_CLOSED');
      await ann.done;
      t.ok(toneMs(phone.heard(), CALLEE_HZ) > 500, 'it heard who answered');

      for (const number of ['0108', '0110']) {
        const bob = await caller(t, number);
        await phone.event('CALL_ESTABLISHED');
        await bob.aim();
        bob.media.speak(CALLER_HZ);
        await bob.media.hearTone(SINE_HZ, 15_000);
        const from = bob.media.seen.length;
        await bob.media.hear(50);
        const gap = longestGapMs(bob.media, bob.media.seen.slice(from), SINE_HZ);
        t.ok(gap <= 40, `the longest gap is ${gap} ms`);
        phone.command('hangup');
        await bob.done;
        await phone.event('CALL_CLOSED');
      }
      t.ok(toneMs(phone.heard(), CALLER_HZ) > 1000, 'it heard its callers');
    },
  );

  await noCalls(server);
  await server.waitFor('/health', (body) => (body['media'] as { sessions: number }).sessions === 0);
  t.notMatch(server.output(), /"level":(?:50|60)/, 'no error was logged');
});

void t.test('calls whose media stops are ended', { skip, timeout: 120_000 }, async (t) => {
  const pbxPort = await freeSipPort();
  const server = await startServer(t, {
    settings: settings(pbxPort, '  rtp-timeout: 2s\n'),
    dialplan: PLAN,
    more: PROMPTS,
  });
  const caller = (number: string) => cuedCaller(t, server, { number: `+1202555${number}` });

  await t.test('a caller whose audio stops is hung up', async (t) => {
    const ann = await cuedCallee(t, server, { port: pbxPort });
    const bob = await caller('0101');
    await talk(bob, ann);
    bob.media.hush();
    await bob.message(/^BYE/);
    await Promise.all([bob.done, ann.done]);
    t.match(await lastRecord(server), { cause: { kind: 'rtp-timeout', by: 'system' } });
  });

  await t.test('a caller that dies in a menu leaves nothing', async (t) => {
    const bob = await caller('0107');
    await bob.aim();
    bob.media.speak(CALLER_HZ);
    await bob.media.hearTone(SLOW_HZ);
    await bob.kill();
    bob.media.hush();
    await noCalls(server);
    t.match(await lastRecord(server), { cause: { kind: 'rtp-timeout', by: 'system' } });
  });

  await t.test('a message that kill -9 of the server cuts off is there after the next start', async (t) => {
    const bob = await caller('0102');
    await bob.aim();
    await bob.media.hearTone(BEEP_HZ, 15_000);
    await bob.media.hearTone(0);
    const from = bob.media.seen.length;
    bob.media.speak(CALLEE_HZ);
    await bob.media.until(() => bob.media.seen.length >= from + 125, 'two seconds and a half', 15_000);
    server.signal('SIGKILL');
    await server.ended;
    await server.again();
    const files = messagesOf(server, 'sales');
    t.equal(files.length, 1);
    const ms = toneMs(wavChannels(readFileSync(files[0]!))[0]!, CALLEE_HZ);
    t.ok(ms >= 1000, `the tone lasts ${ms} ms`);
  });
});

async function lastRecord(server: ServerProcess): Promise<Record<string, unknown>> {
  const records = (body: Record<string, unknown>) => body['records'] as Record<string, unknown>[];
  const body = await server.waitFor('/v1/records', (answer) => records(answer)[0]?.['state'] === 'ended');
  return records(body)[0]!;
}
