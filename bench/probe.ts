import { createSocket, type Socket } from 'node:dgram';

/** Times of one call as the caller sees them, milliseconds. */
export interface PostDialDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly calls: number;
}

/**
 * Plays caller and PBX in one process: INVITEs go to `target`, arrive at `gatewayPort`, are answered 180 at once, and the 180 is timed
 * at the caller. What is measured is thus what the server in between adds, plus two loopback hops of our own.
 */
export async function probePostDialDelay(options: {
  targetPort: number;
  gatewayPort: number;
  rate: number;
  calls: number;
  number: (index: number) => string;
}): Promise<PostDialDelay> {
  const { targetPort, gatewayPort, rate, calls, number } = options;
  const gateway = await bind(gatewayPort);
  const caller = await bind(0);
  const callerPort = caller.address().port;
  const sentAt = new Map<string, number>();
  const delays: number[] = [];
  const finished = new Set<string>();

  gateway.on('message', (data, from) => {
    const text = data.toString('latin1');
    const reply = (status: string, tag: string) =>
      gateway.send(answer(text, status, tag, gatewayPort), from.port, from.address);
    if (text.startsWith('INVITE ')) {
      reply('180 Ringing', ';tag=pbx');
      setTimeout(() => reply('486 Busy Here', ';tag=pbx'), 20);
    } else if (!text.startsWith('ACK ') && !text.startsWith('SIP/2.0')) {
      reply('200 OK', '');
    }
  });

  await new Promise<void>((resolve, reject) => {
    const giveUp = setTimeout(
      () => reject(new Error(`${finished.size} of ${calls} calls ended`)),
      (calls / rate) * 1000 + 15_000,
    );
    caller.on('message', (data) => {
      const text = data.toString('latin1');
      const callId = header(text, 'Call-ID');
      const status = Number(text.slice(8, 11));
      const start = sentAt.get(callId);
      if (status > 100 && start !== undefined) {
        delays.push(performance.now() - start);
        sentAt.delete(callId);
      }
      if (status < 200) return;
      caller.send(ack(text, targetPort, callerPort), targetPort, '127.0.0.1');
      finished.add(callId);
      if (finished.size === calls) {
        clearTimeout(giveUp);
        resolve();
      }
    });
    let index = 0;
    const began = performance.now();
    const send = () => {
      while (index < calls && (index * 1000) / rate <= performance.now() - began) {
        const callId = `probe-${began.toFixed(0)}-${index}`;
        sentAt.set(callId, performance.now());
        caller.send(invite(number(index), callId, targetPort, callerPort), targetPort, '127.0.0.1');
        index += 1;
      }
      if (index < calls) setTimeout(send, 1);
    };
    send();
  });
  caller.close();
  gateway.close();
  const sorted = delays.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { p50: at(0.5), p99: at(0.99), max: at(1), calls: sorted.length };
}

function bind(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000 });
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => resolve(socket));
  });
}

function header(text: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*?)\\r?$`, 'im').exec(text)?.[1] ?? '';
}

function invite(number: string, callId: string, targetPort: number, callerPort: number): string {
  const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n`;
  return [
    `INVITE sip:${number}@127.0.0.1:${targetPort} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${callerPort};branch=z9hG4bK${callId}`,
    `From: <sip:+12125550000@127.0.0.1>;tag=${callId}`,
    `To: <sip:${number}@127.0.0.1>`,
    `Call-ID: ${callId}`,
    'CSeq: 1 INVITE',
    `Contact: <sip:probe@127.0.0.1:${callerPort}>`,
    'Max-Forwards: 70',
    'Content-Type: application/sdp',
    `Content-Length: ${sdp.length}`,
    '',
    sdp,
  ].join('\r\n');
}

function ack(response: string, targetPort: number, callerPort: number): string {
  const callId = header(response, 'Call-ID');
  return [
    `ACK sip:x@127.0.0.1:${targetPort} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${callerPort};branch=z9hG4bK${callId}`,
    `From: ${header(response, 'From')}`,
    `To: ${header(response, 'To')}`,
    `Call-ID: ${callId}`,
    'CSeq: 1 ACK',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

function answer(request: string, status: string, tag: string, port: number): string {
  const vias = [...request.matchAll(/^Via:.*?\r?$/gim)].map((match) => match[0].trimEnd());
  return [
    `SIP/2.0 ${status}`,
    ...vias,
    `From: ${header(request, 'From')}`,
    `To: ${header(request, 'To')}${tag}`,
    `Call-ID: ${header(request, 'Call-ID')}`,
    `CSeq: ${header(request, 'CSeq')}`,
    `Contact: <sip:127.0.0.1:${port}>`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
