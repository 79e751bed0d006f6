import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { missing } from '../helpers/tools.js';
import { lossyRelay } from './lossy-relay.js';
import { freeSipPort, startServer, type ServerProcess } from './server-process.js';
import { sipp } from './sipp.js';

// Whole calls on the wire: the built server as a process of its own, SIPp as the caller, the carrier and the PBX.

const skip = missing('sipp');

interface Record_ {
  readonly state: string;
  readonly dialed: string;
  readonly trunk?: string;
  readonly cause?: { sip: number; q850?: number; by: string; kind: string };
}

const recordsOf = (body: Record<string, unknown>) => body['records'] as Record_[];

async function lastRecord(server: ServerProcess): Promise<Record_> {
  const body = await server.waitFor('/v1/records', (answer) => recordsOf(answer)[0]?.state === 'ended');
  return recordsOf(body)[0]!;
}

function trunks(pbxPort: number, more = ''): string {
  // Media straight between the two sides: changes of the session and INFO pass through.
  return `trunks:
  carrier: { kind: carrier, from: [127.0.0.1/32], media: direct }
  pbx: { kind: pbx, to: [{ uri: "sip:127.0.0.1:${pbxPort}" }], try-timeout: 2s, media: direct }
${more}`;
}

const PLAN = `
numbers:
  - { did: "+12025550200..+12025550299", route: { extension: { dnis: 3 } } }
  - { did: "+12025550301", route: { ring: ["203"], for: 1s } }
  - { did: "+12025550302", route: { reject: 603 } }
extensions:
  "201": { name: Ann, password: "secret-201" }
  "203..299": { trunk: pbx }
`;

void t.test('one server, many kinds of calls', { skip, timeout: 180_000 }, async (t) => {
  const pbxPort = await freeSipPort();
  const server = await startServer(t, {
    // SIPp knows MD5 only, and answers no more than the first challenge.
    sip: '  digest: [MD5]',
    settings: trunks(pbxPort),
    dialplan: PLAN,
  });
  const target = `127.0.0.1:${server.sipPort}`;

  await t.test('a call to a DID is bridged to the PBX and leaves its record', async (t) => {
    const pbx = await sipp(t, 'pbx', { port: pbxPort, calls: 5 });
    const caller = await sipp(t, 'caller', { target, number: '+12025550203', calls: 5 });
    await Promise.all([caller.done, pbx.done]);
    t.match(await lastRecord(server), {
      dialed: '+12025550203',
      trunk: 'carrier',
      cause: { sip: 200, by: 'caller', kind: 'normal' },
    });
  });

  await t.test("SIPp's own scenarios are served too", async (t) => {
    const pbx = await sipp(t, 'uas', { port: pbxPort });
    const caller = await sipp(t, 'uac', { target, number: '+12025550203' });
    await Promise.all([caller.done, pbx.done]);
  });

  await t.test('the callee hangs up, with its Q.850 cause in the record', async (t) => {
    const pbx = await sipp(t, 'pbx-hangs-up', { port: pbxPort });
    const caller = await sipp(t, 'caller-waits', { target, number: '+12025550203' });
    await Promise.all([caller.done, pbx.done]);
    t.match(await lastRecord(server), { cause: { by: 'callee', q850: 16 } });
  });

  await t.test('a caller who gives up cancels the PBX', async (t) => {
    const pbx = await sipp(t, 'pbx-is-cancelled', { port: pbxPort });
    const caller = await sipp(t, 'caller-cancels', { target, number: '+12025550203' });
    await Promise.all([caller.done, pbx.done]);
    t.match(await lastRecord(server), { cause: { sip: 487, by: 'caller', kind: 'cancelled' } });
  });

  await t.test('busy stays busy', async (t) => {
    const pbx = await sipp(t, 'pbx-refuses-486', { port: pbxPort });
    const caller = await sipp(t, 'caller-gets-486', { target, number: '+12025550203' });
    await Promise.all([caller.done, pbx.done]);
    t.match(await lastRecord(server), { cause: { sip: 486, q850: 17 } });
  });

  await t.test('nobody answers in time: the PBX is cancelled, the caller gets 480', async (t) => {
    const pbx = await sipp(t, 'pbx-is-cancelled', { port: pbxPort });
    const caller = await sipp(t, 'caller-gets-480', { target, number: '+12025550301' });
    await Promise.all([caller.done, pbx.done]);
  });

  await t.test('re-INVITE, hold and INFO reach the other side', async (t) => {
    const pbx = await sipp(t, 'pbx-is-held', { port: pbxPort });
    const caller = await sipp(t, 'caller-holds', { target, number: '+12025550203' });
    await Promise.all([caller.done, pbx.done]);
  });

  await t.test('what the plan refuses is refused, and an unknown DID says what was near', async (t) => {
    await (
      await sipp(t, 'caller-gets-603', { target, number: '+12025550302' })
    ).done;
    await (
      await sipp(t, 'caller-gets-404', { target, number: '+12025550311' })
    ).done;
    t.match(server.output(), /"nearest":"\+12025550/, 'the near miss is in the log');
  });

  await t.test('calls over TCP', async (t) => {
    const pbx = await sipp(t, 'pbx', { port: pbxPort });
    const caller = await sipp(t, 'caller', { target, number: '+12025550203', transport: 't1' });
    await Promise.all([caller.done, pbx.done]);
  });

  await t.test('a phone registers by digest and is called; a wrong password is refused', async (t) => {
    const phone = await sipp(t, 'phone-registers', { target, number: '201' });
    await phone.done;
    t.match((await server.api('/v1/registrations')).body, { registrations: [{ device: '201' }] });
    const answering = await sipp(t, 'pbx', { port: phone.port });
    const caller = await sipp(t, 'caller', { target, number: '+12025550201' });
    await Promise.all([caller.done, answering.done]);
    await (
      await sipp(t, 'phone-is-refused', { target, number: '201' })
    ).done;
  });

  await t.test('a hundred calls, twenty-five a second, and none is left', async (t) => {
    const load = async () => {
      const pbx = await sipp(t, 'pbx', { port: pbxPort, calls: 100 });
      const caller = await sipp(t, 'caller', {
        target,
        number: '+12025550203',
        calls: 100,
        rate: 25,
        holdMs: 300,
      });
      await caller.done.catch(async (error: unknown) => {
        await pbx.stop();
        throw error;
      });
      await pbx.done;
    };
    // 255 is SIPp's own fatal error, seen once in a dozen runs, not a call that failed (1): the load is then run once more.
    await load().catch(async (error: unknown) => {
      if (!String(error).includes('ended with 255')) throw error;
      const left = (await server.api('/v1/calls')).body['calls'] as { id: string }[];
      for (const { id } of left) await server.api(`/v1/calls/${id}`, { method: 'DELETE' });
      await load();
    });
    await server.waitFor('/v1/calls', (answer) => (answer['calls'] as unknown[]).length === 0);
  });
});

void t.test(
  'the next destination is tried when one refuses or is silent',
  { skip, timeout: 120_000 },
  async (t) => {
    const [refusing, silent, answering] = [await freeSipPort(), await freeSipPort(), await freeSipPort()];
    const settings = `trunks:
  carrier: { kind: carrier, from: [127.0.0.1/32] }
  pbx:
    kind: pbx
    try-timeout: 1s
    to:
      - { uri: "sip:127.0.0.1:${refusing}", priority: 1 }
      - { uri: "sip:127.0.0.1:${silent}", priority: 2 }
      - { uri: "sip:127.0.0.1:${answering}", priority: 3 }
`;
    const server = await startServer(t, { settings, dialplan: PLAN });
    const first = await sipp(t, 'pbx-refuses-503', { port: refusing });
    const last = await sipp(t, 'pbx', { port: answering });
    const caller = await sipp(t, 'caller', { target: `127.0.0.1:${server.sipPort}`, number: '+12025550203' });
    await Promise.all([first.done, caller.done, last.done]);
    const { body } = await server.api('/v1/records?limit=1');
    const { id } = (body['records'] as { id: string }[])[0]!;
    const detail = (await server.api(`/v1/records/${id}`)).body;
    t.equal((detail['legs'] as unknown[]).length, 3, 'each attempt has its row');
  },
);

void t.test(
  'the second process on a data folder refuses, kill -9 leaves records closed as interrupted',
  { skip, timeout: 120_000 },
  async (t) => {
    const pbxPort = await freeSipPort();
    const server = await startServer(t, { settings: trunks(pbxPort), dialplan: PLAN });
    await t.rejects(server.again(), /STORE_LOCKED|PORT_IN_USE/);
    await sipp(t, 'pbx', { port: pbxPort });
    await sipp(t, 'caller', {
      target: `127.0.0.1:${server.sipPort}`,
      number: '+12025550203',
      holdMs: 60_000,
    });
    await server.waitFor(
      '/v1/calls',
      (body) => (body['calls'] as { state: string }[])[0]?.state === 'answered',
    );
    server.signal('SIGKILL');
    await server.ended;
    const after = await server.again();
    const { body } = await after.api('/v1/records');
    t.match(body, { records: [{ state: 'ended', cause: { kind: 'interrupted' } }] });
  },
);

void t.test(
  'SIGTERM drains: the running call goes on, a new one gets 503, then the server ends with 0',
  { skip, timeout: 120_000 },
  async (t) => {
    const pbxPort = await freeSipPort();
    const server = await startServer(t, { settings: trunks(pbxPort), dialplan: PLAN });
    const target = `127.0.0.1:${server.sipPort}`;
    const pbx = await sipp(t, 'pbx', { port: pbxPort });
    const caller = await sipp(t, 'caller', { target, number: '+12025550203', holdMs: 4000 });
    await server.waitFor(
      '/v1/calls',
      (body) => (body['calls'] as { state: string }[])[0]?.state === 'answered',
    );
    server.signal('SIGTERM');
    await server.waitFor('/health', (body) => body['status'] === 'draining');
    await (
      await sipp(t, 'caller-gets-503', { target, number: '+12025550203' })
    ).done;
    await Promise.all([caller.done, pbx.done]);
    t.equal(await server.ended, 0);
  },
);

void t.test(
  'a reload takes force without a call lost; a bad file leaves the plan in force',
  { skip, timeout: 120_000 },
  async (t) => {
    const pbxPort = await freeSipPort();
    const server = await startServer(t, { settings: trunks(pbxPort), dialplan: PLAN });
    const target = `127.0.0.1:${server.sipPort}`;
    const file = join(server.folder, 'dialplans', 'main.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('reject: 603', 'reject: 486'));
    await server.waitFor('/v1/dialplan', (body) => body['revision'] === 2);
    await (
      await sipp(t, 'caller-gets-486', { target, number: '+12025550302' })
    ).done;
    writeFileSync(file, 'numbers: [{ did: "+1202555", rout: { busy: true } }]\n');
    const reload = await server.api('/v1/dialplan/reload', { method: 'POST' });
    t.equal(reload.status, 422);
    t.match(reload.body, { error: { code: 'DIALPLAN_INVALID' } });
    t.match(JSON.stringify(reload.body), /route/, 'the nearest name is suggested');
    await (
      await sipp(t, 'caller-gets-486', { target, number: '+12025550302' })
    ).done;
    const restored = await server.api('/v1/dialplan/revisions/1/restore', { method: 'POST' });
    t.equal(restored.status, 200);
    await (
      await sipp(t, 'caller-gets-603', { target, number: '+12025550302' })
    ).done;
  },
);

void t.test(
  'every tenth datagram is lost on both legs, and every call comes about',
  { skip, timeout: 120_000 },
  async (t) => {
    const pbxPort = await freeSipPort();
    const toPbx = await lossyRelay(t, pbxPort);
    const server = await startServer(t, { settings: trunks(toPbx.port), dialplan: PLAN });
    const toServer = await lossyRelay(t, server.sipPort);
    const pbx = await sipp(t, 'pbx', { port: pbxPort, calls: 20 });
    const caller = await sipp(t, 'caller', {
      target: `127.0.0.1:${toServer.port}`,
      number: '+12025550203',
      calls: 20,
      rate: 10,
    });
    await caller.done;
    await pbx.done;
    t.ok(toPbx.dropped() + toServer.dropped() > 5, 'datagrams were lost');
    await server.waitFor('/v1/calls', (body) => (body['calls'] as unknown[]).length === 0);
  },
);

void t.test(
  'garbage of every kind harms nothing',
  { skip: missing('sipsak') || skip, timeout: 120_000 },
  async (t) => {
    const pbxPort = await freeSipPort();
    const server = await startServer(t, { settings: trunks(pbxPort), dialplan: PLAN });
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    for (let index = 0; index < 3000; index++) {
      const kind = index % 4;
      const data =
        kind === 0
          ? randomBytes(1 + (index % 1400))
          : kind === 1
            ? Buffer.from(
                `INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK${index}\r\nFrom: <sip:a@b>;tag=${'"'.repeat(index % 50)}\r\n\r\n`,
              )
            : kind === 2
              ? Buffer.from('SIP/2.0 200 OK\r\n'.repeat(1 + (index % 30)))
              : Buffer.alloc(1400, ' ');
      socket.send(data, server.sipPort, '127.0.0.1');
    }
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stream = connect(server.sipPort, '127.0.0.1');
        stream.on('error', () => undefined);
        stream.write(randomBytes(5000));
        await new Promise((resolve) => stream.once('close', resolve));
      }),
    );
    const options = spawnSync('sipsak', ['-s', `sip:ping@127.0.0.1:${server.sipPort}`], { timeout: 15_000 });
    t.equal(options.status, 0, 'OPTIONS is answered');
    const pbx = await sipp(t, 'pbx', { port: pbxPort });
    const caller = await sipp(t, 'caller', { target: `127.0.0.1:${server.sipPort}`, number: '+12025550203' });
    await Promise.all([caller.done, pbx.done]);
  },
);
