// Run as a process of its own: sends `rate` datagrams of garbage a second to a port until it is stopped. Arguments: PORT RATE.
import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';

const port = Number(process.argv[2]);
const rate = Number(process.argv[3]);
/** From many loopback addresses, as a real flood comes from many hosts. */
const SOURCES = 64;

const kinds = [
  () => randomBytes(200),
  () => Buffer.from('INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: nonsense\r\n\r\n'),
  () =>
    Buffer.from(
      `REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK${randomBytes(8).toString('hex')}\r\n` +
        `From: <sip:${randomBytes(3).toString('hex')}@x>;tag=1\r\nTo: <sip:x@x>\r\nCall-ID: ${randomBytes(8).toString('hex')}\r\n` +
        'CSeq: 1 REGISTER\r\nContact: <sip:x@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n',
    ),
  () => Buffer.alloc(1400, 0x20),
];

const sockets = Array.from({ length: SOURCES }, (_, index) => {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  socket.bind(0, `127.0.1.${index + 1}`);
  return socket;
});

const began = performance.now();
let sent = 0;
setInterval(() => {
  const due = ((performance.now() - began) * rate) / 1000;
  while (sent < due) {
    sockets[sent % SOURCES]!.send(kinds[sent % kinds.length]!(), port, '127.0.0.1');
    sent += 1;
  }
}, 5);
process.on('SIGTERM', () => {
  process.stdout.write(`${sent}\n`, () => process.exit(0));
});
