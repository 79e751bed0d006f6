import type { AgreedCodec } from '../sdp/index.js';
import type { WireStats } from './messages.js';
import { estimateMos } from './mos.js';
import type { Reception } from './reception.js';
import type { RtpOut } from './rtp-out.js';

/** That a line without a codec is taken to have. Hz. */
export const DEFAULT_CLOCK = 8000;

/** `codec`: sent to the peer. `refused`: packets whose source did not prove itself. */
export function streamStats(
  reception: Reception,
  out: RtpOut,
  rttMs: number | undefined,
  refused: number,
  codec: AgreedCodec | undefined,
): WireStats {
  const { received, lost } = reception;
  const jitterMs = (reception.jitter / (codec?.clock ?? DEFAULT_CLOCK)) * 1000;
  const lostShare = lost === 0 ? 0 : lost / (received + lost);
  return {
    packetsReceived: received,
    packetsSent: out.packets,
    packetsLost: lost,
    jitterMs: Math.round(jitterMs * 100) / 100,
    rttMs,
    mos: received === 0 ? undefined : estimateMos(lostShare, jitterMs, rttMs ?? 0),
    codec: codec && `${codec.name}/${codec.clock}`,
    refused,
  };
}
