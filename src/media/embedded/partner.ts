import type { AgreedMedia } from '../sdp/index.js';

/** The other end of a bridge: a stream of this worker, or what stands for one of another. */
export interface Partner {
  readonly media: AgreedMedia | undefined;
  /** RTP audio that its partner's peer sent; the packet is given away. */
  relay(data: Buffer, pressed: string | undefined): void;
  /** Anything else it sent. */
  relayOpaque(data: Buffer): void;
  sendControl(data: Buffer): void;
  /** The `media` of its own partner changed. */
  partnerChanged(): void;
}
