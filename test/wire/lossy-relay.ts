import { createSocket, type Socket } from 'node:dgram';
import type { Test } from 'tap';

/** A relay between one client and one server that drops every tenth datagram, whichever way it goes. */
export async function lossyRelay(t: Test, targetPort: number): Promise<{ port: number; dropped(): number }> {
  const near = await bind();
  const far = await bind();
  let passed = 0;
  let dropped = 0;
  let clientPort = 0;
  const isLost = () => {
    passed += 1;
    if (passed % 10 !== 0) return false;
    dropped += 1;
    return true;
  };
  near.on('message', (data, from) => {
    clientPort = from.port;
    if (!isLost()) far.send(data, targetPort, '127.0.0.1');
  });
  far.on('message', (data) => {
    if (!isLost() && clientPort !== 0) near.send(data, clientPort, '127.0.0.1');
  });
  t.teardown(() => {
    near.close();
    far.close();
  });
  return { port: near.address().port, dropped: () => dropped };
}

function bind(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
}
