import { createSocket, type Socket } from 'node:dgram';

/** One direction of one call: what it sent, what came back. */
interface Flow {
  readonly to: number;
  readonly socket: Socket;
  readonly packet: Buffer;
  sequence: number;
  timestamp: number;
  readonly slot: number;
}

export interface Arrival {
  /** Port it came from. */
  readonly from: number;
  readonly at: number;
  readonly data: Buffer;
}

export interface MediaLoad {
  /** Ports to name in SDP, taken in turn. */
  readonly ports: readonly number[];
  /** Sends G.711 to these, each from the own port named with it, 50 packets a second, for so long. Resolves with the number sent. */
  run(flows: readonly { readonly to: number; readonly own: number }[], ms: number): Promise<number>;
  /** An RFC 4733 digit, its packets at once. */
  press(to: number, own: number, digit: number): void;
  /** Resolves when nothing has come for 300 ms, after 5 s at the latest. */
  quiet(): Promise<void>;
  /** Packets that came since the last call. */
  take(): number;
  onArrival: ((arrival: Arrival) => void) | undefined;
  close(): void;
}

const SLOT_MS = 2;
const SLOTS = 10;
/** So that the socket buffers of the load hold what comes while it is busy. */
const SOCKETS = 32;

export async function createMediaLoad(): Promise<MediaLoad> {
  const sockets = await Promise.all(Array.from({ length: SOCKETS }, bind));
  const byPort = new Map(sockets.map((socket) => [socket.address().port, socket]));
  let received = 0;
  let digitTime = 1;
  const load: MediaLoad = {
    ports: [...byPort.keys()],
    onArrival: undefined,
    run: (list, ms) => {
      const flows = list.map(({ to, own }, index) => newFlow(to, byPort.get(own)!, index));
      const slots = Array.from({ length: SLOTS }, (_, slot) => flows.filter((flow) => flow.slot === slot));
      return paced(slots, ms);
    },
    press: (to, own, digit) => {
      digitTime += 8000;
      for (let index = 0; index < 5; index++) {
        const packet = Buffer.alloc(16);
        packet[0] = 0x80;
        packet[1] = (index === 0 ? 0x80 : 0) | 101;
        packet.writeUInt16BE((digitTime / 8000 + index) & 0xffff, 2);
        packet.writeUInt32BE(digitTime, 4);
        packet.writeUInt32BE(to, 8);
        packet[12] = digit;
        packet[13] = (index >= 2 ? 0x80 : 0) | 10;
        packet.writeUInt16BE(Math.min(3, index + 1) * 160, 14);
        byPort.get(own)!.send(packet, to, '127.0.0.1');
      }
    },
    quiet: async () => {
      for (let turn = 0, before = -1; turn < 16 && before !== received; turn++) {
        before = received;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    },
    take: () => {
      const taken = received;
      received = 0;
      return taken;
    },
    close: () => sockets.forEach((socket) => socket.close()),
  };
  for (const socket of sockets) {
    socket.on('message', (data, { port }) => {
      // Odd ports are RTCP.
      if (port % 2 === 1) return;
      received++;
      load.onArrival?.({ from: port, at: performance.now(), data });
    });
  }
  return load;
}

function newFlow(to: number, socket: Socket, index: number): Flow {
  const packet = Buffer.alloc(172, 0x55);
  packet[0] = 0x80;
  packet[1] = 0;
  packet.writeUInt32BE(to, 8);
  return { to, socket, packet, sequence: 1, timestamp: 1, slot: index % SLOTS };
}

function paced(slots: readonly (readonly Flow[])[], ms: number): Promise<number> {
  return new Promise((resolve) => {
    const began = performance.now();
    let slot = 0;
    let sent = 0;
    const turn = (): void => {
      const now = performance.now() - began;
      for (; slot * SLOT_MS <= now && slot * SLOT_MS < ms; slot++) {
        for (const flow of slots[slot % SLOTS]!) {
          send(flow);
          sent++;
        }
      }
      if (slot * SLOT_MS >= ms) resolve(sent);
      else setTimeout(turn, 1);
    };
    turn();
  });
}

function send(flow: Flow): void {
  flow.sequence = (flow.sequence + 1) & 0xffff;
  flow.timestamp += 160;
  const packet = Buffer.from(flow.packet);
  packet.writeUInt16BE(flow.sequence, 2);
  packet.writeUInt32BE(flow.timestamp, 4);
  flow.socket.send(packet, flow.to, '127.0.0.1');
}

function bind(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: 'udp4',
      recvBufferSize: 4_000_000,
      lookup: (host, _options, done) => done(null, host, 4),
    });
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
}
