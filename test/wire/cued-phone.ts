import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Test } from 'tap';
import { RtpPeer } from '../media/rtp-peer.js';
import { freeSipPort, type ServerProcess } from './server-process.js';
import { sipp, type SippRun } from './sipp.js';

/**
 * A phone whose signalling is SIPp and whose media is a socket of the test. SIPp waits for cues: requests that the test slips into its
 * dialog, and that make it answer, hang up, hold or send a digit. So a test goes on when it has heard something, not after a time.
 */
export interface CuedPhone {
  readonly media: RtpPeer;
  /** Sends its audio to where the server wants it. Resolves once the server has said where. */
  aim(): Promise<void>;
  /** Picks up. */
  answer(): Promise<void>;
  /** Busy. */
  refuse(): Promise<void>;
  hangUp(): Promise<void>;
  /** A re-INVITE with this direction (`sendonly` is a hold), and with its audio at another port where one is given. */
  change(direction: 'sendrecv' | 'sendonly' | 'inactive', port?: number): Promise<void>;
  /** A key by SIP INFO. */
  info(digit: string): Promise<void>;
  /** What it got, oldest first. */
  received(): string[];
  /** Waits for a message that begins so. */
  message(start: RegExp): Promise<string>;
  /** Its call is through, as it should be. */
  readonly done: Promise<void>;
  /** Dies without a word. */
  kill(): Promise<void>;
}

export interface MediaOffer {
  /** Payload types; 96 and 101 are telephone-event. Default `0 101`. */
  readonly formats?: string;
  /** A caller that describes its media in the ACK alone; a callee that does so before it picks up. */
  readonly when?: 'late' | 'early';
}

/** Where callers call from: an address of their own, so that phones at 127.0.0.1 are not taken for the carrier. */
export const CARRIER_ADDRESS = '127.0.0.3';

const WAIT_MS = 20_000;

const CUES = {
  answer: 'PUBLISH',
  refuse: 'MESSAGE',
  hangUp: 'PUBLISH',
  change: 'SUBSCRIBE',
  info: 'MESSAGE',
} as const;

/** Calls `number` at once. */
export async function cuedCaller(
  t: Test,
  server: Pick<ServerProcess, 'sipPort' | 'folder'>,
  options: MediaOffer & { readonly number: string; readonly from?: string },
): Promise<CuedPhone> {
  const { number, from = '+12125550000' } = options;
  const media = await openMedia(t, CARRIER_ADDRESS);
  return phone(t, media, {
    name: `caller-${media.port}`,
    folder: server.folder,
    target: `127.0.0.1:${server.sipPort}`,
    scenario:
      calls(options.when === 'late')
        .replaceAll('{number}', number)
        .replaceAll('{from}', from) + DIALOG,
    offer: options,
  });
}

/** Waits for a call, rings, and answers on cue. */
export async function cuedCallee(
  t: Test,
  server: Pick<ServerProcess, 'folder'>,
  options: MediaOffer & { readonly port: number },
): Promise<CuedPhone> {
  const media = await openMedia(t, '127.0.0.1');
  return phone(t, media, {
    name: `callee-${media.port}`,
    folder: server.folder,
    port: options.port,
    scenario: isCalled(options.when === 'early') + DIALOG,
    offer: options,
  });
}

async function openMedia(t: Test, address: string): Promise<RtpPeer> {
  const media = await RtpPeer.open(address);
  t.teardown(() => media.close());
  return media;
}

async function phone(
  t: Test,
  media: RtpPeer,
  plan: {
    readonly name: string;
    readonly folder: string;
    readonly scenario: string;
    readonly offer: MediaOffer;
    readonly target?: string;
    readonly port?: number;
  },
): Promise<CuedPhone> {
  const port = plan.port ?? (await freeSipPort());
  const file = join(plan.folder, plan.name);
  const trace = `${file}.log`;
  writeFileSync(`${file}.xml`, scenario(plan.name, plan.scenario, describe(plan.offer), media.port));
  const run: SippRun = await sipp(t, file, {
    port,
    address: media.address,
    folder: plan.folder,
    ...(plan.target === undefined ? {} : { target: plan.target }),
    arguments: ['-trace_msg', '-message_file', trace],
  });
  const state = { failed: undefined as Error | undefined };
  run.done.catch((error: unknown) => {
    state.failed = error as Error;
  });
  const received = (): string[] =>
    (existsSync(trace) ? readFileSync(trace, 'utf8') : '')
      .split(/^-{20,}.*\n/m)
      .filter((entry) => /^\w+ message received/.test(entry))
      .map((entry) => entry.slice(entry.indexOf('\n')).trimStart())
      .filter((message) => !message.includes('\nCue: '));
  const waitFor = async <T>(what: string, look: (messages: string[]) => T | undefined): Promise<T> => {
    for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline;) {
      const found = look(received());
      if (found !== undefined) return found;
      if (state.failed !== undefined) throw state.failed;
      await after(20);
    }
    throw new Error(`${plan.name} waited in vain for ${what}; it got:\n${received().join('\n')}`);
  };
  let cues = 0;
  const cue = async (name: keyof typeof CUES, value = '', at = media.port): Promise<void> => {
    const callId = await waitFor('a call', (messages) => /^Call-ID: *(\S+)/im.exec(messages[0] ?? '')?.[1]);
    const method = CUES[name];
    cues += 1;
    const text = [
      `${method} sip:phone@127.0.0.1:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKcue${cues}`,
      'From: <sip:test@127.0.0.1>;tag=cue',
      'To: <sip:phone@127.0.0.1>',
      `Call-ID: ${callId}`,
      `CSeq: ${cues} ${method}`,
      `Cue: ${value}`,
      `Port: ${at}`,
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n');
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.send(text, port, media.address, () => resolve());
    });
    socket.close();
  };
  return {
    media,
    aim: async () =>
      media.aim(await waitFor('a description', (all) => all.findLast((one) => /^m=audio/m.test(one)))),
    answer: async () => {
      await cue('answer');
      await waitFor('ACK', (messages) => messages.find((one) => one.startsWith('ACK')));
    },
    refuse: () => cue('refuse'),
    hangUp: () => cue('hangUp'),
    change: (direction, at) => cue('change', direction, at),
    info: (digit) => cue('info', digit),
    received,
    message: (start) => waitFor(String(start), (messages) => messages.find((one) => start.test(one))),
    done: run.done,
    kill: run.stop,
  };
}

/** Lines of its SDP but for the direction, and the port. */
function describe(offer: MediaOffer): string {
  const { formats = '0 101' } = offer;
  return [
    'v=0',
    'o=phone 1 [cseq] IN IP4 [local_ip]',
    's=-',
    'c=IN IP4 [local_ip]',
    't=0 0',
    `m=audio {port} RTP/AVP ${formats}`,
    ...['96', '101']
      .filter((pt) => formats.split(' ').includes(pt))
      .map((pt) => `a=rtpmap:${pt} telephone-event/8000`),
    'a=ptime:20',
  ].join('\n');
}

/** Headers of requests within the dialog are kept in variables: a cue would take the place of `[last_…]`. */
function scenario(name: string, body: string, sdp: string, port: number): string {
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="${name}">
${body.replaceAll('{moved}', sdp.replace('{port}', '[$port]')).replaceAll('{sdp}', sdp.replace('{port}', String(port)))}
</scenario>
`;
}

const BODY = `Content-Type: application/sdp
Content-Length: [len]

{sdp}
a=sendrecv`;

const calls = (late: boolean): string => `
  <send retrans="500"><![CDATA[
INVITE sip:{number}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: "Caller" <sip:{from}@[local_ip]:[local_port]>;tag=[pid]caller
To: <sip:{number}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: [cseq] INVITE
Contact: <sip:{from}@[local_ip]:[local_port]>
Max-Forwards: 70
${late ? 'Content-Length: 0\n' : BODY}
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"><action>
    <ereg regexp=".*" search_in="hdr" header="From:" assign_to="near"/>
    <ereg regexp=".*" search_in="hdr" header="To:" assign_to="far"/>
  </action></recv>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From:[$near]
To:[$far]
Call-ID: [call_id]
CSeq: [cseq] ACK
Max-Forwards: 70
${late ? BODY : 'Content-Length: 0\n'}
]]></send>
`;

const final = (status: string): string => `
  <send retrans="500"><![CDATA[
SIP/2.0 ${status}
Via:[$via]
From:[$far]
To:[$near]
Call-ID: [call_id]
CSeq:[$invited]
Content-Length: 0

]]></send>
  <recv request="ACK" next="99"/>
`;

const isCalled = (early: boolean): string => `
  <recv request="INVITE" rrs="true"><action>
    <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
    <ereg regexp=".*" search_in="hdr" header="From:" assign_to="far"/>
    <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
    <ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="invited"/>
    <assignstr assign_to="near" value="[$to];tag=[pid]callee"/>
  </action></recv>
  <send><![CDATA[
SIP/2.0 ${early ? '183 Session Progress' : '180 Ringing'}
Via:[$via]
From:[$far]
To:[$near]
Call-ID: [call_id]
CSeq:[$invited]
Contact: <sip:[local_ip]:[local_port]>
${early ? BODY : 'Content-Length: 0\n'}
]]></send>
  <recv request="CANCEL" optional="true" next="20"/>
  <recv request="MESSAGE" optional="true" next="21"/>
  <recv request="PUBLISH"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
Via:[$via]
From:[$far]
To:[$near]
Call-ID: [call_id]
CSeq:[$invited]
Contact: <sip:[local_ip]:[local_port]>
${BODY}
]]></send>
  <recv request="ACK"/>
  <nop next="1"/>
  <label id="20"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
${final('487 Request Terminated')}
  <label id="21"/>
${final('486 Busy Here')}
`;

/** SIPp's own branches are those of a place in the scenario: a second pass would be taken for a retransmission. */
const request = (method: string, more: string): string => `${method} [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK[pid]-[cseq]-${method}
From:[$near]
To:[$far]
Call-ID: [call_id]
CSeq: [cseq] ${method}
Contact: <sip:[local_ip]:[local_port]>
Max-Forwards: 70
${more}
`;

const OK = `SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
`;

const DIALOG = `
  <label id="1"/>
  <recv request="BYE" optional="true" next="2"/>
  <recv request="INVITE" optional="true" next="3"/>
  <recv request="ACK" optional="true" next="1"/>
  <recv request="INFO" optional="true" next="4"/>
  <recv request="PUBLISH" optional="true" next="5"/>
  <recv request="MESSAGE" optional="true" next="6">
    <action><ereg regexp="[0-9*#]" search_in="hdr" header="Cue:" assign_to="digit"/></action>
  </recv>
  <recv request="SUBSCRIBE">
    <action>
      <ereg regexp="[a-z]+" search_in="hdr" header="Cue:" assign_to="direction"/>
      <ereg regexp="[0-9]+" search_in="hdr" header="Port:" assign_to="port"/>
    </action>
  </recv>

  <send retrans="500"><![CDATA[
${request('INVITE', 'Content-Type: application/sdp\nContent-Length: [len]')}
{moved}
a=[$direction]
]]></send>
  <recv response="100" optional="true"/>
  <recv response="200"/>
  <send next="1"><![CDATA[
${request('ACK', 'Content-Length: 0\n')}
]]></send>

  <label id="3"/>
  <send next="1"><![CDATA[
${OK}${BODY}
]]></send>

  <label id="4"/>
  <send next="1"><![CDATA[
${OK}Content-Length: 0

]]></send>

  <label id="6"/>
  <send retrans="500"><![CDATA[
${request('INFO', 'Content-Type: application/dtmf-relay\nContent-Length: [len]')}
Signal=[$digit]
Duration=160
]]></send>
  <recv response="200" next="1"/>

  <label id="5"/>
  <send retrans="500"><![CDATA[
${request('BYE', 'Content-Length: 0\n')}
]]></send>
  <recv response="200" next="99"/>

  <label id="2"/>
  <send><![CDATA[
${OK}Content-Length: 0

]]></send>
  <label id="99"/>
`;
