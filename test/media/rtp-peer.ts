import { createSocket, type Socket } from 'node:dgram';
import { decodeA, decodeMu, encodeA, encodeMu } from '../../src/media/codec/g711.js';

export interface SeenPacket {
  readonly at: number;
  readonly marker: boolean;
  readonly pt: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
}

/** A phone of the test's own: a pair of ports on loopback, what it heard, and what it says. */
export class RtpPeer {
  readonly seen: SeenPacket[] = [];
  readonly reports: Buffer[] = [];
  readonly address: string;
  readonly ssrc = Math.floor(Math.random() * 0xffffffff);
  target: { address: string; port: number } = { address: '', port: 0 };
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  #sequence = Math.floor(Math.random() * 0x8000);
  #timestamp = Math.floor(Math.random() * 0xfffff);
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #heldUntil = 0;

  private constructor(address: string, rtp: Socket, rtcp: Socket) {
    this.address = address;
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    rtp.on('message', (data) => {
      this.seen.push({
        at: performance.now(),
        marker: (data[1]! & 0x80) !== 0,
        pt: data[1]! & 0x7f,
        sequence: data.readUInt16BE(2),
        timestamp: data.readUInt32BE(4),
        ssrc: data.readUInt32BE(8),
        payload: data.subarray(12),
      });
      this.#wake();
    });
    rtcp.on('message', (data: Buffer) => {
      this.reports.push(data);
      this.#wake();
    });
  }

  static async open(address = '127.0.0.1'): Promise<RtpPeer> {
    for (;;) {
      const rtp = await bind(address, 0);
      try {
        return new RtpPeer(address, rtp, await bind(address, rtp.address().port + 1));
      } catch {
        rtp.close();
      }
    }
  }

  get port(): number {
    return this.#rtp.address().port;
  }

  get packetsHeard(): number {
    return this.seen.length;
  }

  /** An SDP with one line of audio. */
  sdp(
    options: { pts?: string; maps?: string[]; direction?: string; address?: string; version?: number } = {},
  ): string {
    const { pts = '0 8 101', maps = ['101 telephone-event/8000'], direction = 'sendrecv' } = options;
    const address = options.address ?? this.address;
    return (
      `v=0\r\no=peer 1 ${options.version ?? 1} IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\n` +
      `m=audio ${this.port} RTP/AVP ${pts}\r\n` +
      maps.map((map) => `a=rtpmap:${map}\r\n`).join('') +
      `a=${direction}\r\n`
    );
  }

  /** Sends to where this SDP wants its audio. */
  aim(sdp: string): void {
    const address = /^c=IN IP[46] (\S+)/m.exec(sdp)![1]!;
    this.target = { address, port: Number(/^m=audio (\d+)/m.exec(sdp)![1]) };
  }

  raw(data: Buffer, port = this.target.port): void {
    this.#rtp.send(data, port, this.target.address);
  }

  rawRtcp(data: Buffer): void {
    this.#rtcp.send(data, this.target.port + 1, this.target.address);
  }

  /** Moves the clock of what it sends on by so many samples, and says where it is. */
  advance(samples: number): number {
    return (this.#timestamp += samples);
  }

  /** One packet of audio, 20 ms on from the one before. */
  frame(payload: Uint8Array, pt = 0): void {
    this.raw(this.packet(payload, pt, (this.#timestamp += 160)));
  }

  packet(payload: Uint8Array, pt: number, timestamp: number, marker = false): Buffer {
    const data = Buffer.alloc(12 + payload.length);
    data[0] = 0x80;
    data[1] = (marker ? 0x80 : 0) | pt;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    data.writeUInt16BE(this.#sequence, 2);
    data.writeUInt32BE(timestamp >>> 0, 4);
    data.writeUInt32BE(this.ssrc, 8);
    data.set(payload, 12);
    return data;
  }

  /** Speaks a tone until told otherwise. 0 Hz: silence. */
  speak(hz: number, options: { law?: 'mu' | 'a'; pt?: number } = {}): void {
    const { law = 'mu', pt = law === 'mu' ? 0 : 8 } = options;
    this.hush();
    let phase = 0;
    let due = performance.now();
    const turn = (): void => {
      while (due <= performance.now()) {
        if (due >= this.#heldUntil) {
          const pcm = Int16Array.from({ length: 160 }, (_, index) =>
            Math.round(8000 * Math.sin((2 * Math.PI * hz * (phase + index)) / 8000)),
          );
          this.frame(law === 'mu' ? encodeMu(pcm) : encodeA(pcm), pt);
        }
        phase += 160;
        due += 20;
      }
      this.#timer = setTimeout(turn, Math.max(1, due - performance.now()));
    };
    turn();
  }

  hush(): void {
    clearTimeout(this.#timer);
  }

  /** A digit by RFC 4733, all of its packets at once. `drop` leaves packets out by their number, `ends` how many end packets come. */
  press(digit: string, options: { pt?: number; ends?: number; drop?: number[]; twice?: boolean } = {}): void {
    const { pt = 101, ends = 3, drop = [], twice = false } = options;
    const timestamp = (this.#timestamp += 160);
    for (let index = 0; index < 5 + ends; index++) {
      const payload = Buffer.alloc(4);
      payload[0] = '0123456789*#ABCD'.indexOf(digit);
      payload[1] = (index >= 5 ? 0x80 : 0) | 10;
      payload.writeUInt16BE(Math.min(5, index + 1) * 160, 2);
      const packet = this.packet(payload, pt, timestamp, index === 0);
      if (drop.includes(index)) continue;
      this.raw(packet);
      if (twice) this.raw(packet);
    }
    this.#timestamp += 800;
  }

  /** Resolves when `met`, asked at each packet; rejects after 5 s. */
  async until(met: () => boolean, what: string, withinMs = 5000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!met()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Waits for so many more packets of audio. */
  async hear(count: number): Promise<SeenPacket[]> {
    const from = this.seen.length;
    await this.until(() => this.seen.length >= from + count, `${count} packets`);
    return this.seen.slice(from);
  }

  /** Waits until the last 100 ms it heard are mostly this tone; 0 Hz: silence. */
  async hearTone(hz: number, withinMs = 5000): Promise<void> {
    await this.until(() => this.dominant(5) === hz, `${hz} Hz, but hears ${this.dominant(5)}`, withinMs);
  }

  /** Which of the test's tones the last `count` packets are; 0: silence; −1: something else. */
  dominant(count: number): number {
    return dominantTone(this.pcm(this.seen.slice(-count)));
  }

  pcm(packets: readonly SeenPacket[]): Int16Array {
    const parts = packets.map(({ pt, payload }) =>
      pt === 0 ? decodeMu(payload) : pt === 8 ? decodeA(payload) : new Int16Array(0),
    );
    const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  close(): void {
    this.hush();
    this.#rtp.close();
    this.#rtcp.close();
  }
}

export const TONES = [350, 500, 650, 800, 1000, 1250, 1600, 2000, 2500];

/** Power of one frequency, relative to the whole: 0–1 for a pure tone. */
export function toneShare(pcm: Int16Array, hz: number): number {
  if (pcm.length === 0) return 0;
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / 8000);
  let before = 0;
  let last = 0;
  let energy = 0;
  for (const sample of pcm) {
    const now = sample + coefficient * last - before;
    before = last;
    last = now;
    energy += sample * sample;
  }
  if (energy === 0) return 0;
  const power = last * last + before * before - coefficient * last * before;
  return (2 * power) / (pcm.length * energy);
}

export function dominantTone(pcm: Int16Array): number {
  let energy = 0;
  for (const sample of pcm) energy += sample * sample;
  if (Math.sqrt(energy / Math.max(1, pcm.length)) < 30) return 0;
  return TONES.find((hz) => toneShare(pcm, hz) > 0.8) ?? -1;
}

function bind(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(port, address, () => resolve(socket));
  });
}
