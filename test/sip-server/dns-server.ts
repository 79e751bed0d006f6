import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Records by `TYPE name`; a value is what stands in the record's data. */
export type Zone = Record<
  string,
  | { type: 'A' | 'AAAA'; address: string; ttl?: number }[]
  | { type: 'SRV'; priority: number; weight: number; port: number; target: string }[]
  | {
      type: 'NAPTR';
      order: number;
      preference: number;
      flags: string;
      service: string;
      replacement: string;
    }[]
>;

export interface DnsServer {
  /** `address:port`, as the SIP server's option takes it. */
  readonly address: string;
  /** `TYPE name` of every question so far. */
  readonly questions: string[];
  readonly zone: Zone;
  /** Answers nothing any more. */
  mute(): void;
}

const TYPES: Record<number, string> = { 1: 'A', 28: 'AAAA', 33: 'SRV', 35: 'NAPTR' };

/** A name server that knows one small zone, on loopback. What it does not know does not exist. */
export async function startDns(t: { teardown(run: () => unknown): unknown }, zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const questions: string[] = [];
  let muted = false;
  socket.on('message', (query, from) => {
    if (muted) return;
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at]!; length !== 0; length = query[at]!) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const kind = TYPES[query.readUInt16BE(at + 1)] ?? '?';
    const question = `${kind} ${labels.join('.').toLowerCase()}`;
    questions.push(question);
    const records = zone[question] ?? [];
    const known = Object.keys(zone).some((key) => key.endsWith(` ${labels.join('.').toLowerCase()}`));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // Response, recursion desired and available; NXDOMAIN for a name without any record.
    header.writeUInt16BE(0x8180 | (known ? 0 : 3), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const answers = records.map((record) => {
      const data = dataOf(record);
      const head = Buffer.alloc(12);
      head.writeUInt16BE(0xc00c, 0);
      query.copy(head, 2, at + 1, at + 5);
      head.writeUInt32BE('ttl' in record ? (record.ttl ?? 60) : 60, 6);
      head.writeUInt16BE(data.length, 10);
      return Buffer.concat([head, data]);
    });
    socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...answers]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    zone,
    mute: () => {
      muted = true;
    },
  };
}

function dataOf(record: Zone[string][number]): Buffer {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.address.split('.').map(Number));
    case 'AAAA':
      return Buffer.from(
        record.address.split(':').flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]),
      );
    case 'SRV':
      return Buffer.concat([words(record.priority, record.weight, record.port), name(record.target)]);
    case 'NAPTR':
      return Buffer.concat([
        words(record.order, record.preference),
        text(record.flags),
        text(record.service),
        text(''),
        name(record.replacement),
      ]);
  }
}

function words(...values: number[]): Buffer {
  const data = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => data.writeUInt16BE(value, index * 2));
  return data;
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
}

function name(value: string): Buffer {
  return Buffer.concat([...value.split('.').map(text), Buffer.from([0])]);
}
