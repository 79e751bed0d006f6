/** A plan that took force. */
export interface RevisionSummary {
  readonly number: number;
  readonly hash: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** `start`, `file`, `signal`, or the name of an API key. */
  readonly who: string;
  readonly files: readonly string[];
}

/** Where revisions are kept (room `store`: `store.revisions`). */
export interface RevisionStore {
  /** Its number; a plan with the hash of the latest revision is that revision. */
  save(revision: {
    readonly hash: string;
    readonly who: string;
    readonly files: ReadonlyMap<string, string>;
  }): Promise<number>;
  /** Newest first. */
  list(page?: { readonly before?: number; readonly limit?: number }): readonly RevisionSummary[];
  get(
    number: number,
  ): Promise<(RevisionSummary & { readonly contents: ReadonlyMap<string, string> }) | undefined>;
  latest(): RevisionSummary | undefined;
}

/** Small run-time state that outlives a restart (room `store`: `store.state`). */
export interface StateStore {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  remove(key: string): void;
  list(prefix: string): readonly { readonly key: string; readonly value: string }[];
}
