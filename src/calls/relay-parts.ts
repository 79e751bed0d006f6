import type { Clip, Playing } from '../media/index.js';
import type { MediaParts } from './ports.js';
import type { RelayParts } from './relay-bridge.js';
import type { RelayedSession } from './relayed-session.js';

/** Ringing as the world knows it, one period. */
export const RINGBACK: readonly Clip[] = [{ kind: 'tone', tone: 'ringback', ms: 6000 }];

export function relayPartsOf(parts: MediaParts): RelayParts {
  return {
    engine: parts.engine,
    playMusic: (session) => loopMusic(parts, session, parts.settings().holdMusic),
  };
}

/** Plays a sound over and over; undefined: there is nothing to play, or nobody to hear it. */
export async function loopMusic(
  parts: MediaParts,
  session: RelayedSession,
  file: string,
): Promise<Playing | undefined> {
  const clips = await parts.prompts.resolve({ kind: 'file', file }, undefined);
  if (clips.length === 0 || session.media.closed) return undefined;
  return session.media.play(clips, { times: 0 });
}
