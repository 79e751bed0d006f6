/** One m-line as it was last said to the peer; its place is kept for the life of the session (RFC 3264 §8). */
export interface LocalSlot {
  readonly kind: string;
  /** Which format each payload type has meant on this line: it may not change in a session (RFC 3264 §8.3.2). */
  readonly payloads: ReadonlyMap<number, string>;
}

/** What one side has said of itself to one peer: the `o=` line and the places of the m-lines. */
export interface LocalSession {
  /** Of the `o=` line: digits, the same for the life of the session. */
  readonly id: string;
  /** Of the last description; 0 before the first. */
  version: number;
  /** The last description without its `o=` line. */
  said: string | undefined;
  slots: readonly LocalSlot[];
}

/** `id`: 1–18 digits, unlike any other session's (a random number). */
export function createLocalSession(id: string): LocalSession {
  return { id, version: 0, said: undefined, slots: [] };
}

/**
 * Raises the version where the description differs from the last one, and only there (RFC 3264 §8). Returns the version to write.
 */
export function nextVersion(session: LocalSession, said: string): number {
  if (session.said !== said) {
    session.said = said;
    session.version++;
  }
  return session.version;
}
