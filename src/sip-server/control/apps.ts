import type { ControlConnection } from './connection.js';

/** The applications that are connected, and which serves which verb. */
export class Apps {
  readonly #apps = new Set<ControlConnection>();
  readonly #byVerb = new Map<string, { apps: ControlConnection[]; next: number }>();
  /** Applications that serve whatever nobody else has asked for. */
  readonly #others = new Set<ControlConnection>();

  get size(): number {
    return this.#apps.size;
  }

  /** Verbs someone serves, `cdr:` ones aside, in upper case. */
  methods(): string[] {
    return [...this.#byVerb.keys()]
      .filter((verb) => !verb.startsWith('cdr:'))
      .map((verb) => verb.toUpperCase());
  }

  /** `catchAll`: in listen mode drachtio-srf asks for no verb, since it is dialled for what is meant for it. */
  add(app: ControlConnection, catchAll: boolean): void {
    this.#apps.add(app);
    if (catchAll) this.#others.add(app);
  }

  remove(app: ControlConnection): void {
    this.#apps.delete(app);
    this.#others.delete(app);
    for (const verb of [...this.#byVerb.keys()]) this.unroute(app, verb);
  }

  /** Idempotent: drachtio-srf sends all its verbs again when one is added. Verbs beyond any sensible number are ignored. */
  route(app: ControlConnection, verb: string): void {
    if (verb === '' || verb.length > 64) return;
    const entry = this.#byVerb.get(verb);
    if (entry === undefined) {
      if (this.#byVerb.size < MAX_VERBS) this.#byVerb.set(verb, { apps: [app], next: 0 });
    } else if (!entry.apps.includes(app)) {
      entry.apps.push(app);
    }
  }

  unroute(app: ControlConnection, verb: string): void {
    const entry = this.#byVerb.get(verb);
    if (entry === undefined) return;
    entry.apps = entry.apps.filter((other) => other !== app);
    if (entry.apps.length === 0) this.#byVerb.delete(verb);
  }

  /** The application whose turn it is for a verb (lower case). */
  pick(verb: string): ControlConnection | undefined {
    const entry = this.#byVerb.get(verb);
    if (entry === undefined) return verb.startsWith('cdr:') ? undefined : this.#others.values().next().value;
    const app = entry.apps[entry.next % entry.apps.length];
    entry.next = (entry.next + 1) % entry.apps.length;
    return app;
  }

  /** `app` itself while it is connected, else one that came with the same tags: the same application, connected anew. */
  heirOf(app: ControlConnection): ControlConnection | undefined {
    if (app.open) return app;
    const wanted = tagKey(app);
    let heir: ControlConnection | undefined;
    for (const other of this.#apps) if (tagKey(other) === wanted) heir = other;
    return heir;
  }

  *[Symbol.iterator](): Iterator<ControlConnection> {
    yield* this.#apps;
  }
}

const MAX_VERBS = 64;

function tagKey(app: ControlConnection): string {
  return [...app.tags].sort().join(',');
}
