import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { missing } from '../helpers/tools.js';
import { eventually, newSrf, SECRET, startBench, type SrfLike } from './server-helpers.js';

const skip = missing('sipp');

interface Dlg {
  on(event: string, handler: () => void): void;
  destroy(): Promise<unknown>;
}
interface Req {
  readonly body: string;
}
interface B2b extends SrfLike {
  invite(handler: (req: Req, res: object) => void): void;
  createB2BUA(req: Req, res: object, uri: string, options: object): Promise<{ uas: Dlg; uac: Dlg }>;
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

function sipp(
  t: Test,
  args: readonly string[],
): { child: ChildProcess; done: Promise<{ code: number | null; output: string }> } {
  const child = spawn('sipp', ['-nostdin', '-i', '127.0.0.1', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-20_000)));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const done = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
  t.teardown(async () => {
    child.kill('SIGKILL');
    await done;
  });
  return { child, done };
}

/** A caller whose requests go through as SIPp's own `uac` scenario has them, but which cancels when it rings. */
const CANCELLING = `<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="cancel">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]T[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 0
]]></send>
<recv response="100" optional="true"></recv>
<recv response="180"></recv>
<send retrans="500"><![CDATA[
CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]T[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"></recv>
<recv response="487"></recv>
<send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]T[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
</scenario>
`;

/** A callee that rings until it is cancelled. */
const RINGING = `<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="ring">
<recv request="INVITE"></recv>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]B[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<recv request="CANCEL"></recv>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]B[call_number]
[last_Call-ID:]
CSeq: [cseq] CANCEL
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]B[call_number]
[last_Call-ID:]
CSeq: [cseq] INVITE
Content-Length: 0

]]></send>
<recv request="ACK"></recv>
</scenario>
`;

t.test('SIPp calls SIPp through createB2BUA', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const transport of ['udp', 'tcp'] as const) {
    await t.test(`over ${transport}, every call to its end`, async (t) => {
      const bench = await startBench(t, {
        listen: [{ name: 'a', transport, host: '127.0.0.1', port: 0 }],
        timers: { t4Ms: 200 },
      });
      const port = await freePort();
      const mode = transport === 'udp' ? 'u1' : 't1';
      sipp(t, ['-sn', 'uas', '-p', String(port), '-t', mode]);
      await b2bua(
        t,
        bench.controlPort,
        `sip:127.0.0.1:${port}${transport === 'tcp' ? ';transport=tcp' : ''}`,
      );
      const target = `127.0.0.1:${bench.sipPort}`;
      const caller = sipp(t, [
        '-sn',
        'uac',
        target,
        '-t',
        mode,
        '-m',
        '40',
        '-r',
        '20',
        '-d',
        '50',
        '-timeout',
        '40s',
      ]);
      const { code, output } = await caller.done;
      t.equal(code, 0, output.slice(code === 0 ? -1 : -3000));
      await eventually('nothing left', () => {
        const { dialogs, pending, calls } = bench.server.stats;
        return dialogs + pending + calls === 0;
      });
    });
  }
  await t.test('and takes its calls back', async (t) => {
    const bench = await startBench(t, { timers: { t4Ms: 200 } });
    const port = await freePort();
    writeFileSync(join(folder, 'cancel.xml'), CANCELLING);
    writeFileSync(join(folder, 'ring.xml'), RINGING);
    sipp(t, ['-sf', join(folder, 'ring.xml'), '-p', String(port)]);
    await b2bua(t, bench.controlPort, `sip:127.0.0.1:${port}`);
    const target = `127.0.0.1:${bench.sipPort}`;
    const caller = sipp(t, [
      '-sf',
      join(folder, 'cancel.xml'),
      target,
      '-m',
      '20',
      '-r',
      '20',
      '-timeout',
      '40s',
    ]);
    const { code, output } = await caller.done;
    t.equal(code, 0, output.slice(code === 0 ? -1 : -3000));
    await eventually('nothing left', () => {
      const { dialogs, pending, calls } = bench.server.stats;
      return dialogs + pending + calls === 0;
    });
  });
});

async function b2bua(t: Test, controlPort: number, uri: string): Promise<void> {
  const srf = newSrf() as B2b;
  const connected = new Promise((done) => srf.on('connect', done));
  srf.on('error', () => undefined);
  srf.connect({ host: '127.0.0.1', port: controlPort, secret: SECRET });
  srf.invite((req, res) => {
    srf
      .createB2BUA(req, res, uri, { localSdpB: req.body })
      .then(({ uas, uac }) => {
        uas.on('destroy', () => void uac.destroy());
        uac.on('destroy', () => void uas.destroy());
      })
      .catch(() => undefined);
  });
  t.teardown(() => srf.disconnect());
  await connected;
  // Its verbs are on their way before anything else can be.
  await new Promise((resolve) => setTimeout(resolve, 200));
}
