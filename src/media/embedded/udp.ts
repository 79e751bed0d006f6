import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

type OnDatagram = (data: Buffer, from: RemoteInfo) => void;

/** Whom a fault of ours in handling a datagram is told: it may cost that datagram, not all calls of the worker. */
type OnFault = (error: unknown) => void;

/** A bound socket. Rejects with the system's error; later errors (unreachable peers) are nothing to a media stream. */
function bindUdp(
  family: 4 | 6,
  address: string,
  port: number,
  onDatagram: OnDatagram,
  onFault: OnFault,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ...(family === 6 && { ipv6Only: true }),
      // Addresses are never names here: nothing to look up.
      lookup: (host, _options, done) => done(null, host, family),
    });
    const failed = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', failed);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeListener('error', failed);
      socket.on('error', () => undefined);
      socket.on('message', (data, from) => {
        try {
          onDatagram(data, from);
        } catch (error) {
          onFault(error);
        }
      });
      resolve(socket);
    });
  });
}

/** RTP on the even port, RTCP on the odd one above. Sending never throws: what cannot go is lost, as on the way. */
export interface PortPair {
  sendRtp(data: Buffer, port: number, address: string): void;
  sendRtcp(data: Buffer, port: number, address: string): void;
  close(): void;
}

/** Both ports or none. Rejects with the system's error. */
export async function bindPair(
  family: 4 | 6,
  address: string,
  port: number,
  on: { readonly rtp: OnDatagram; readonly rtcp: OnDatagram; readonly fault: OnFault },
): Promise<PortPair> {
  const rtp = await bindUdp(family, address, port, on.rtp, on.fault);
  try {
    const rtcp = await bindUdp(family, address, port + 1, on.rtcp, on.fault);
    return {
      sendRtp: (data, toPort, to) => send(rtp, data, toPort, to),
      sendRtcp: (data, toPort, to) => send(rtcp, data, toPort, to),
      close: () => {
        rtp.close();
        rtcp.close();
      },
    };
  } catch (error) {
    rtp.close();
    throw error;
  }
}

function send(socket: Socket, data: Buffer, port: number, address: string): void {
  try {
    socket.send(data, 0, data.length, port, address);
  } catch {
    // Closed meanwhile, or a port no packet can go to.
  }
}
