import { isIP } from 'node:net';
import type { Clock } from '../base/clock.js';
import type { MediaSession, OpenSpec, SessionEvents } from '../media/index.js';
import { hostOf } from '../base/host-of.js';
import type { LegSessions } from './call-media.js';
import type { MediaParts } from './ports.js';
import { RelayedSession } from './relayed-session.js';

/** A leg sent no media for too long, or its engine is gone. */
export type MediaLoss = 'rtp-timeout' | 'media-lost';

/** A peer that has not sent a single packet yet gets so many time-outs: some send nothing before they hear something. */
const PATIENCE_BEFORE_FIRST_PACKET = 5;

/** The address the peer signals from, where it is known by its number. */
function signalledFrom(peer: string): { readonly signalledFrom?: string } {
  const host = hostOf(peer);
  return isIP(host) === 0 ? {} : { signalledFrom: host };
}

/** Opens the media sessions of a call's legs and watches over them. */
export class SessionOpener {
  constructor(
    private readonly parts: MediaParts,
    private readonly clock: Clock,
    private readonly callId: string,
    private lost: (why: MediaLoss) => void,
  ) {}

  /** The legs belong to another call from now on, which hears what becomes of their media. */
  handTo(lost: (why: MediaLoss) => void): void {
    this.lost = lost;
  }

  /** Rejects: AppError MEDIA_NO_PORT, MEDIA_UNAVAILABLE. */
  async open(
    to: { readonly peer: string; readonly listener: string | undefined },
    near: MediaSession | undefined,
    digit?: (digit: string) => void,
  ): Promise<MediaSession> {
    const { parts } = this;
    const spec: OpenSpec = {
      callId: this.callId,
      ...parts.address(to.peer, to.listener),
      ...signalledFrom(to.peer),
      ...(near === undefined ? {} : { near }),
      rtpTimeoutMs: parts.settings().rtpTimeoutMs,
    };
    const events: SessionEvents = {
      timeout: () => void this.#silent(session),
      lost: () => this.lost('media-lost'),
      ...(digit === undefined ? {} : { digit }),
    };
    const session = await parts.engine.open(spec, events);
    return session;
  }

  /** Sessions of legs that are to be bridged with this one. */
  sessionsNear(near: MediaSession | undefined): LegSessions {
    return {
      relayed: true,
      open: async (to) => {
        const media = await this.open(to, near, (digit) => session.onDigit?.(digit));
        const session = new RelayedSession(media, to.trunk?.codecs);
        return session;
      },
    };
  }

  async #silent(session: MediaSession): Promise<void> {
    const sent = async (): Promise<boolean> => (await session.stats()).packetsReceived > 0;
    if (session.closed) return;
    if (await sent()) {
      this.lost('rtp-timeout');
      return;
    }
    this.clock.after(this.parts.settings().rtpTimeoutMs * (PATIENCE_BEFORE_FIRST_PACKET - 1), () => {
      if (session.closed) return;
      void sent().then((speaks) => {
        if (!speaks && !session.closed) this.lost('rtp-timeout');
      });
    });
  }
}
