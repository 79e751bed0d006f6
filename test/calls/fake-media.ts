import type { MediaParts } from '../../src/calls/index.js';
import type { MediaEngine, MediaSession, SessionEvents } from '../../src/media/index.js';
import type { FakeClock } from '../helpers/fake-clock.js';
import { createFakeSession, fakePrompts, type FakeSession } from '../ivr/fake-session.js';
import { sdp } from './fake-signalling.js';

/** A session that agrees to everything, and remembers it. */
export interface FakeCallSession extends FakeSession {
  remote: string | undefined;
  held: boolean;
  readonly peer: string;
  readonly on: SessionEvents;
}

export interface FakeMedia {
  readonly parts: MediaParts;
  readonly sessions: FakeCallSession[];
  /** Of sessions that are open. */
  readonly open: FakeCallSession[];
  /** Who hears whom, by the addresses of their peers. */
  readonly bridges: readonly string[];
  partnerOf(session: MediaSession): MediaSession | undefined;
}

/** A media engine that moves no packets. */
export function createFakeMedia(clock: FakeClock): FakeMedia {
  const sessions: FakeCallSession[] = [];
  const partners = new Map<MediaSession, MediaSession>();

  function unbridge(session: MediaSession): void {
    const partner = partners.get(session);
    partners.delete(session);
    if (partner !== undefined) partners.delete(partner);
  }

  function open(peer: string, on: SessionEvents): FakeCallSession {
    const own = sdp(`ours-${sessions.length + 1}`);
    const base = createFakeSession({ clock });
    const close = base.close.bind(base);
    const hear = (description: string): void => {
      session.remote = description;
      session.held = /^a=(?:sendonly|inactive)/m.test(description);
    };
    const session: FakeCallSession = Object.assign(base, {
      id: `session-${sessions.length + 1}`,
      peer,
      on,
      remote: undefined as string | undefined,
      held: false,
      offer: () => own,
      answered: hear,
      answer: (offer: string) => {
        hear(offer);
        return own;
      },
      close: () => {
        unbridge(session);
        close();
      },
    });
    sessions.push(session);
    return session;
  }

  const engine: MediaEngine = {
    name: 'embedded',
    start: () => Promise.resolve(),
    drain: () => undefined,
    stop: () => Promise.resolve(),
    open: (spec, on) => Promise.resolve(open(spec.address, on)),
    bridge: (a, b) => {
      unbridge(a);
      unbridge(b);
      if (a.closed || b.closed) return;
      partners.set(a, b);
      partners.set(b, a);
    },
    unbridge,
    mix: () => {
      throw new Error('nothing is mixed here');
    },
    prepare: () => Promise.resolve(),
    load: () => ({ sessions: sessions.length, portsFree: 1, workers: 1, lateMs: 0 }),
  };

  const nothing = new Proxy({}, { get: () => () => new Promise(() => undefined) });
  const parts = {
    engine,
    prompts: fakePrompts,
    ivr: nothing,
    voicemail: nothing,
    announcements: { announcementFor: () => undefined },
    address: (peer: string) => ({ address: peer }),
    settings: () => ({
      extensions: 'relay' as const,
      rtpTimeoutMs: 60_000,
      language: 'en',
      holdMusic: 'music.wav',
      recordings: '/nowhere',
    }),
  } as unknown as MediaParts;

  return {
    parts,
    sessions,
    get open() {
      return sessions.filter((session) => !session.closed);
    },
    get bridges() {
      const seen = new Set<MediaSession>();
      const pairs: string[] = [];
      for (const [one, other] of partners) {
        if (seen.has(one)) continue;
        seen.add(one).add(other);
        pairs.push([one, other].map(({ id }) => id).join(' + '));
      }
      return pairs;
    },
    partnerOf: (session) => partners.get(session),
  };
}
