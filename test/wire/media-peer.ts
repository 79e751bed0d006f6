import { setTimeout as after } from 'node:timers/promises';
import { encodeMu } from '../../src/media/codec/g711.js';
import { createDtmfDetector } from '../../src/media/codec/goertzel.js';
import { readWav } from '../../src/media/codec/wav.js';
import { dominantTone, toneShare, type RtpPeer, type SeenPacket } from '../media/rtp-peer.js';

// What the sockets of test/media/rtp-peer.ts are used for on real calls: tones as files, keys as a phone presses them, and what came of it.

/** A WAV file of one tone: 16 bit, mono. */
export function toneWav(hz: number, ms: number, rate = 16_000): Buffer {
  const samples = Math.round((ms * rate) / 1000);
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(samples * 2, 40);
  for (let index = 0; index < samples; index++) {
    wav.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * hz * index) / rate)), 44 + index * 2);
  }
  return wav;
}

/** A digit by RFC 4733 as a phone sends it: a packet each 20 ms, its end three times. Its speech must be silent meanwhile. */
export async function pressKeys(peer: RtpPeer, digits: string, pt = 101): Promise<void> {
  for (const digit of digits) {
    const timestamp = peer.advance(160);
    const send = (samples: number, end: boolean, marker: boolean): void => {
      const payload = Buffer.alloc(4);
      payload[0] = '0123456789*#ABCD'.indexOf(digit);
      payload[1] = (end ? 0x80 : 0) | 10;
      payload.writeUInt16BE(samples, 2);
      peer.raw(peer.packet(payload, pt, timestamp, marker));
    };
    for (let index = 1; index <= 5; index++) {
      send(index * 160, false, index === 1);
      await after(20);
    }
    for (let index = 0; index < 3; index++) send(800, true, false);
    peer.advance(800);
    await after(60);
  }
}

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];

/** A digit as its two tones, 120 ms, between silences. */
export async function pressInBand(peer: RtpPeer, digit: string): Promise<void> {
  const key = '123A456B789C*0#D'.indexOf(digit);
  const [low = 0, high = 0] = [ROWS[key >> 2], COLUMNS[key & 3]];
  const wave = (hz: number, index: number): number => 6000 * Math.sin((2 * Math.PI * hz * index) / 8000);
  for (let frame = 0; frame < 14; frame++) {
    const sounds = frame >= 4 && frame < 10;
    const pcm = Int16Array.from({ length: 160 }, (_, index) =>
      sounds ? Math.round(wave(low, frame * 160 + index) + wave(high, frame * 160 + index)) : 0,
    );
    peer.frame(encodeMu(pcm));
    await after(20);
  }
}

/** A stretch in which one thing was heard. */
export interface Heard {
  /** 0: silence; −1: something else (speech, two tones). */
  readonly hz: number;
  readonly ms: number;
}

/** What was heard, in order, by packets; stretches under 60 ms (edges of tones) are left out. */
export function heardInTurn(peer: RtpPeer, from = 0): Heard[] {
  const runs: { hz: number; ms: number }[] = [];
  for (const packet of peer.seen.slice(from)) {
    if (packet.payload.length < 80 || packet.pt > 8) continue;
    const hz = dominantTone(peer.pcm([packet]));
    const last = runs.at(-1);
    if (last?.hz === hz) last.ms += packet.payload.length / 8;
    else runs.push({ hz, ms: packet.payload.length / 8 });
  }
  const kept: { hz: number; ms: number }[] = [];
  for (const run of runs.filter((one) => one.ms >= 60)) {
    const last = kept.at(-1);
    if (last?.hz === run.hz) last.ms += run.ms;
    else kept.push(run);
  }
  return kept;
}

/** The tones heard, without silence between. */
export function tonesInTurn(peer: RtpPeer, from = 0): number[] {
  return heardInTurn(peer, from)
    .map((run) => run.hz)
    .filter((hz, index, all) => hz > 0 && hz !== all[index - 1]);
}

/** The longest hole in a tone that should be there all along, in milliseconds: packets lost or late by their timestamps, or without it. */
export function longestGapMs(peer: RtpPeer, packets: readonly SeenPacket[], hz: number): number {
  const inOrder = [...packets].sort((a, b) => (a.timestamp - b.timestamp) | 0 || a.sequence - b.sequence);
  let longest = 0;
  let gap = 0;
  let expected = inOrder[0]?.timestamp ?? 0;
  for (const packet of inOrder) {
    const missing = ((packet.timestamp - expected) | 0) / 8;
    if (missing > 0) gap += missing;
    for (let at = 0; at < packet.payload.length; at += 80) {
      const part = { ...packet, payload: packet.payload.subarray(at, at + 80) };
      if (toneShare(peer.pcm([part]), hz) > 0.8) gap = 0;
      else gap += part.payload.length / 8;
      longest = Math.max(longest, gap);
    }
    longest = Math.max(longest, gap);
    expected = packet.timestamp + packet.payload.length;
  }
  return longest;
}

/** Keys that reached it by RFC 4733, with the payload type they came under. */
export function keysHeard(peer: RtpPeer, pt: number): string {
  const starts = new Map<number, string>();
  for (const packet of peer.seen) {
    if (packet.pt === pt && packet.payload.length === 4)
      starts.set(packet.timestamp, '0123456789*#ABCD'[packet.payload[0]!] ?? '?');
  }
  return [...starts.values()].join('');
}

/** Keys that reached it as tones. */
export function keysHeardInBand(peer: RtpPeer, from = 0): string {
  const detector = createDtmfDetector();
  return peer.seen
    .slice(from)
    .map((packet) => detector.push(peer.pcm([packet])) ?? '')
    .join('');
}

/** The channels of a recording at 8 kHz. */
export function wavChannels(bytes: Uint8Array): Int16Array[] {
  const { rate, channels, pcm } = readWav(bytes);
  if (rate !== 8000) throw new Error(`a recording at ${rate} Hz`);
  return Array.from({ length: channels }, (_, channel) =>
    pcm.filter((_, index) => index % channels === channel),
  );
}

/** How long each tone lasts in it, in milliseconds. */
export function toneMs(pcm: Int16Array, hz: number): number {
  let total = 0;
  for (let at = 0; at + 160 <= pcm.length; at += 160) {
    if (dominantTone(pcm.subarray(at, at + 160)) === hz) total += 20;
  }
  return total;
}
