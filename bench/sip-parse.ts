import { parseMessage } from '../src/sip/index.js';

const SDP = [
  'v=0',
  'o=- 3906512345 3906512345 IN IP4 203.0.113.20',
  's=-',
  'c=IN IP4 203.0.113.20',
  't=0 0',
  'm=audio 31024 RTP/AVP 8 0 101',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-15',
  'a=ptime:20',
  '',
].join('\r\n');

/** An INVITE as carriers send it, about 800 bytes. */
const INVITE = [
  'INVITE sip:+12025550123@198.51.100.7:5060;user=phone SIP/2.0',
  'Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-524287-1---5c1f4a2be3d90b11;rport',
  'Max-Forwards: 69',
  'From: "Alice Example" <sip:+12125550188@203.0.113.10;user=phone>;tag=a6c85cf3',
  'To: <sip:+12025550123@198.51.100.7;user=phone>',
  'Call-ID: 84b4c76e66710@203.0.113.10',
  'CSeq: 314159 INVITE',
  'Contact: <sip:+12125550188@203.0.113.10:5060;transport=udp>',
  'Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK',
  'Supported: 100rel, timer',
  'User-Agent: Example-SBC/8.4',
  'Content-Type: application/sdp',
  `Content-Length: ${SDP.length}`,
  '',
  SDP,
].join('\r\n');

export interface ParseFigures {
  readonly bytes: number;
  readonly messagesPerSecond: number;
  readonly serializedPerSecond: number;
}

/** Messages parsed, and written again, per second on this core; the best of several rounds. */
export function benchParse(rounds = 5, perRound = 50_000): ParseFigures {
  const data = Buffer.from(INVITE, 'utf8');
  const parse = (): number => {
    const outcome = parseMessage(data);
    if (outcome.kind !== 'message') throw new Error(outcome.kind);
    return outcome.message.headers.size;
  };
  const parsed = parseMessage(data);
  if (parsed.kind !== 'message') throw new Error(parsed.kind);
  const { message } = parsed;
  return {
    bytes: data.length,
    messagesPerSecond: best(rounds, perRound, parse),
    serializedPerSecond: best(rounds, perRound, () => message.toBuffer().length),
  };
}

function best(rounds: number, perRound: number, run: () => number): number {
  let fastest = 0;
  let sum = 0;
  for (let round = 0; round <= rounds; round++) {
    // CPU time: what else runs on the machine does not count.
    const begin = process.cpuUsage();
    for (let i = 0; i < perRound; i++) sum += run();
    const { user, system } = process.cpuUsage(begin);
    const perSecond = (perRound / (user + system)) * 1_000_000;
    // The first round warms up.
    if (round > 0) fastest = Math.max(fastest, perSecond);
  }
  return sum === 0 ? 0 : Math.round(fastest);
}
