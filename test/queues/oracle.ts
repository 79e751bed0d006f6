// The rules of docs/queues.md, slowly: every decision looks at everybody anew. No indices, no heaps, nothing shared with the queues.
import type { QueueOptions } from '../../src/queues/index.js';

interface OracleCaller {
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  readonly at: number;
  readonly wanted: Readonly<Record<string, number>>;
  state: 'waiting' | 'offered' | 'connected' | 'gone';
  overdue: boolean;
  told: string[];
}

interface OracleAgent {
  readonly ext: string;
  out: 'all' | Set<string>;
  pause: 'agent' | 'misses' | undefined;
  outside: boolean;
  duty: 'idle' | 'ringing' | 'talking' | 'wrapping' | 'resting';
  until: number;
  caller: OracleCaller | undefined;
  /** Queue as whose agent it is rung. */
  as: string;
  misses: number;
  idleSince: number;
}

export class Oracle {
  readonly callers: OracleCaller[] = [];
  readonly agents = new Map<string, OracleAgent>();
  private readonly calls = new Map<string, number>();
  private readonly cursors = new Map<string, number>();
  private readonly emptyAt = new Map<string, number>();
  /** Settings by queue, those of removed queues too, for the conversations they leave behind. */
  private readonly settings = new Map<string, QueueOptions>();
  private config: readonly QueueOptions[] = [];

  constructor(
    private now: number,
    private readonly random: () => number,
  ) {}

  configure(config: readonly QueueOptions[]): void {
    const was = new Set(this.config.map(({ name }) => name));
    const names = new Set(config.map(({ name }) => name));
    this.config = config;
    for (const queue of config) this.settings.set(queue.name, queue);
    for (const name of was) {
      if (names.has(name)) continue;
      this.cursors.delete(name);
      this.emptyAt.delete(name);
      for (const caller of this.waitingIn(name)) this.leave(caller, 'empty');
    }
    const places = new Set(
      config.flatMap((queue) => queue.agents.map(({ extension }) => `${queue.name}/${extension}`)),
    );
    for (const key of this.calls.keys()) if (!places.has(key)) this.calls.delete(key);
    for (const ext of new Set(config.flatMap((queue) => queue.agents.map(({ extension }) => extension)))) {
      if (this.agents.has(ext)) continue;
      this.agents.set(ext, {
        ext,
        out: new Set(),
        pause: undefined,
        outside: false,
        duty: 'idle',
        until: Infinity,
        caller: undefined,
        as: '',
        misses: 0,
        idleSince: this.now,
      });
    }
    this.settle();
  }

  enter(caller: Pick<OracleCaller, 'id' | 'queue' | 'priority' | 'wanted'>): 'waiting' | 'full' | 'empty' {
    const queue = this.config.find(({ name }) => name === caller.queue);
    if (queue === undefined || this.there(queue) === 0) return 'empty';
    if (queue.maxCallers !== undefined && this.waitingIn(queue.name).length >= queue.maxCallers)
      return 'full';
    this.callers.push({ ...caller, at: this.now, state: 'waiting', overdue: false, told: [] });
    this.settle();
    return 'waiting';
  }

  hangUp(id: string): void {
    const caller = this.caller(id);
    if (caller.state === 'waiting' || caller.state === 'offered') this.leave(caller);
    this.settle();
  }

  ended(id: string): void {
    const caller = this.caller(id);
    const agent = this.agentOf(caller);
    if (caller.state !== 'connected' || agent === undefined) return;
    caller.state = 'gone';
    const { wrapUpMs } = this.settings.get(caller.queue)!;
    if (wrapUpMs === 0) this.idle(agent);
    else {
      agent.duty = 'wrapping';
      agent.until = this.now + wrapUpMs;
    }
    this.settle();
  }

  answer(ext: string): void {
    const agent = this.agents.get(ext)!;
    const caller = agent.caller!;
    for (const other of this.agents.values())
      if (other.duty === 'ringing' && other.caller === caller) this.rest(other, 'idle');
    agent.duty = 'talking';
    agent.caller = caller;
    agent.until = Infinity;
    agent.misses = 0;
    const key = `${agent.as}/${ext}`;
    if (this.memberOf(agent.as, ext) !== undefined) this.calls.set(key, (this.calls.get(key) ?? 0) + 1);
    caller.state = 'connected';
    caller.told.push(`connected ${ext}`);
    this.settle();
  }

  fail(ext: string, outcome: string): void {
    this.miss(this.agents.get(ext)!, outcome);
    this.settle();
  }

  login(ext: string, queue: string | undefined): void {
    this.change(ext, queue, (agent) => {
      const mine = this.queuesOf(ext);
      for (const name of mine) {
        if ((queue === undefined || queue === name) && !this.loggedIn(agent, name))
          this.calls.set(`${name}/${ext}`, 0);
      }
      const out = agent.out === 'all' ? new Set(mine) : new Set(agent.out);
      if (queue === undefined) out.clear();
      else out.delete(queue);
      agent.out = out;
      if (agent.pause === 'misses') agent.pause = undefined;
    });
  }

  logout(ext: string, queue: string | undefined): void {
    this.change(ext, queue, (agent) => {
      if (queue === undefined) agent.out = 'all';
      else if (agent.out !== 'all') agent.out = new Set([...agent.out, queue]);
    });
  }

  pause(ext: string): void {
    this.change(ext, undefined, (agent) => (agent.pause = 'agent'));
  }

  resume(ext: string): void {
    this.change(ext, undefined, (agent) => {
      agent.pause = undefined;
      agent.misses = 0;
      if (agent.duty === 'wrapping' || agent.duty === 'resting') this.idle(agent);
    });
  }

  busy(ext: string, busy: boolean): void {
    const agent = this.agents.get(ext)!;
    if (agent.outside === busy) return;
    agent.outside = busy;
    if (!busy && agent.duty === 'idle') agent.idleSince = this.now;
    this.withdraw(agent);
    this.settle();
  }

  /** One moment of change after the other. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.nextMoment();
      if (next > end) break;
      this.now = next;
      for (const agent of this.agents.values()) {
        if (agent.until > this.now) continue;
        if (agent.duty === 'ringing') this.miss(agent, 'no-answer');
        else this.idle(agent);
      }
      for (const [name, at] of this.emptyAt) {
        if (at !== this.now) continue;
        this.emptyAt.set(name, Infinity);
        for (const caller of this.waitingIn(name)) this.leave(caller, 'empty');
      }
      for (const caller of this.callers) {
        if (caller.overdue || this.lastMoment(caller) > this.now) continue;
        if (caller.state === 'waiting') this.leave(caller, 'timeout');
        else if (caller.state === 'offered') caller.overdue = true;
      }
      this.settle();
    }
    this.now = end;
  }

  rings(): string[] {
    const ringing = [...this.agents.values()].filter(({ duty }) => duty === 'ringing');
    return ringing.map(({ ext, caller }) => `${ext}<${caller!.id}`).sort();
  }

  order(queue: string): string[] {
    return this.waitingIn(queue).map(({ id }) => id);
  }

  queueNames(): string[] {
    return this.config.map(({ name }) => name);
  }

  stateOf(agent: OracleAgent): string {
    if (agent.duty === 'talking' || agent.duty === 'ringing') return agent.duty;
    if (agent.duty === 'wrapping') return 'wrap-up';
    if (this.queuesOf(agent.ext).every((name) => !this.loggedIn(agent, name))) return 'logged-out';
    if (agent.pause !== undefined) return 'paused';
    if (agent.outside) return 'busy';
    return agent.duty === 'resting' ? 'resting' : 'available';
  }

  private settle(): void {
    for (let placed = true; placed;) {
      placed = this.callers
        .filter(({ state }) => state === 'waiting')
        .sort(compare)
        .some((caller) => this.place(caller));
    }
    for (const queue of this.config) {
      if (this.there(queue) > 0) this.emptyAt.delete(queue.name);
      else if (!this.emptyAt.has(queue.name)) this.emptyAt.set(queue.name, this.now + queue.emptyForMs!);
    }
  }

  private place(caller: OracleCaller): boolean {
    const own = this.settings.get(caller.queue)!;
    const waited = this.now - caller.at;
    const further = [...own.overflow]
      .sort((a, b) => a.afterMs - b.afterMs)
      .filter(({ afterMs }) => afterMs <= waited)
      .map(({ also }) => also);
    for (const name of [own.name, ...further]) {
      const queue = this.config.find((other) => other.name === name);
      const rung = queue === undefined ? [] : this.choose(queue, this.demand(caller, waited));
      for (const agent of rung) {
        agent.duty = 'ringing';
        agent.caller = caller;
        agent.as = name;
        agent.until = this.now + own.ringForMs;
        caller.state = 'offered';
        caller.told.push(`offered ${agent.ext}`);
        this.cursors.set(
          name,
          queue!.agents.findIndex(({ extension }) => extension === agent.ext),
        );
      }
      if (rung.length > 0) return true;
    }
    return false;
  }

  private demand(caller: OracleCaller, waited: number): [string, number][] {
    const relaxed = this.settings.get(caller.queue)!.relax.filter(({ afterMs }) => afterMs <= waited);
    const enough = relaxed.sort((a, b) => b.afterMs - a.afterMs)[0]?.skills;
    return Object.entries(caller.wanted).map(([skill, level]) => [
      skill,
      enough === undefined ? level : Math.min(level, enough[skill] ?? 0),
    ]);
  }

  private choose(queue: QueueOptions, demand: [string, number][]): OracleAgent[] {
    const free = queue.agents.filter(({ extension, skills }) => {
      const agent = this.agents.get(extension)!;
      const fits = demand.every(([skill, level]) => (skills[skill] ?? 0) >= level);
      return this.stateOf(agent) === 'available' && this.loggedIn(agent, queue.name) && fits;
    });
    if (free.length === 0) return [];
    const tier = Math.min(...free.map((member) => member.tier));
    const inTier = free.filter((member) => member.tier === tier);
    const penalty = Math.min(...inTier.map((member) => member.penalty));
    const equals = inTier.filter((member) => member.penalty === penalty);
    const listed = queue.agents.map(({ extension }) => extension);
    const agent = ({ extension }: { extension: string }): OracleAgent => this.agents.get(extension)!;
    const idle = (a: { extension: string }, b: { extension: string }): number =>
      agent(a).idleSince - agent(b).idleSince || listed.indexOf(a.extension) - listed.indexOf(b.extension);
    const calls = ({ extension }: { extension: string }): number =>
      this.calls.get(`${queue.name}/${extension}`) ?? 0;
    const level = (skills: Readonly<Record<string, number>>): number =>
      demand.filter(([, least]) => least > 0).reduce((sum, [skill]) => sum + (skills[skill] ?? 0), 0);
    const cursor = this.cursors.get(queue.name) ?? -1;
    switch (queue.strategy) {
      case 'ring-all':
        return equals.map(agent);
      case 'top-down':
        return [agent(equals[0]!)];
      case 'round-robin':
        return [agent(equals.find(({ extension }) => listed.indexOf(extension) > cursor) ?? equals[0]!)];
      case 'random':
        return [agent(equals[Math.floor(this.random() * equals.length)]!)];
      case 'longest-idle':
        return [agent(equals.sort(idle)[0]!)];
      case 'fewest-calls':
        return [agent(equals.sort((a, b) => calls(a) - calls(b) || idle(a, b))[0]!)];
      case 'skills':
        return [agent(equals.sort((a, b) => level(b.skills) - level(a.skills) || idle(a, b))[0]!)];
    }
  }

  private miss(agent: OracleAgent, outcome: string): void {
    const caller = agent.caller!;
    const { pauseAfterMisses, restMs } = this.settings.get(caller.queue)!;
    if (outcome !== 'busy' && this.settings.get(agent.as)!.strategy !== 'ring-all') agent.misses++;
    agent.idleSince = this.now;
    if (agent.misses >= pauseAfterMisses! && agent.pause === undefined) {
      agent.misses = 0;
      agent.pause = 'misses';
      this.rest(agent, 'idle');
    } else {
      this.rest(agent, 'resting');
      agent.until = this.now + restMs!;
    }
    this.back(caller);
  }

  /** A caller whom nobody rings for any more. */
  private back(caller: OracleCaller): void {
    if ([...this.agents.values()].some((agent) => agent.duty === 'ringing' && agent.caller === caller))
      return;
    if (caller.overdue) this.leave(caller, 'timeout');
    else caller.state = 'waiting';
  }

  private leave(caller: OracleCaller, outcome?: string): void {
    caller.state = 'gone';
    for (const agent of this.agents.values())
      if (agent.duty === 'ringing' && agent.caller === caller) this.rest(agent, 'idle');
    if (outcome !== undefined) caller.told.push(`left ${outcome}`);
  }

  private idle(agent: OracleAgent): void {
    this.rest(agent, 'idle');
    agent.idleSince = this.now;
  }

  private rest(agent: OracleAgent, duty: 'idle' | 'resting'): void {
    agent.duty = duty;
    agent.until = Infinity;
    agent.caller = undefined;
  }

  private change(ext: string, queue: string | undefined, apply: (agent: OracleAgent) => void): void {
    const agent = this.agents.get(ext)!;
    if (queue !== undefined && !this.queuesOf(ext).includes(queue)) return;
    const wasFree = this.stateOf(agent) === 'available';
    apply(agent);
    if (!wasFree && agent.duty === 'idle') agent.idleSince = this.now;
    this.withdraw(agent);
    this.settle();
  }

  private withdraw(agent: OracleAgent): void {
    if (agent.duty !== 'ringing') return;
    if (this.loggedIn(agent, agent.as) && agent.pause === undefined && !agent.outside) return;
    const caller = agent.caller!;
    this.rest(agent, 'idle');
    this.back(caller);
  }

  private nextMoment(): number {
    const moments = [...this.agents.values()].map(({ until }) => until).concat([...this.emptyAt.values()]);
    for (const caller of this.callers) {
      if (caller.state !== 'waiting' && caller.state !== 'offered') continue;
      const last = this.lastMoment(caller);
      // A reload may have made it the past.
      if (!caller.overdue && last <= this.now) return this.now;
      if (!caller.overdue) moments.push(last);
      const { relax, overflow } = this.settings.get(caller.queue)!;
      moments.push(...[...relax, ...overflow].map(({ afterMs }) => caller.at + afterMs));
    }
    return Math.min(...moments.filter((at) => at > this.now), Infinity);
  }

  private lastMoment(caller: OracleCaller): number {
    return caller.at + (this.settings.get(caller.queue)!.maxWaitMs ?? Infinity);
  }

  private there(queue: QueueOptions): number {
    const queues = [
      queue,
      ...this.config.filter(({ name }) => queue.overflow.some(({ also }) => also === name)),
    ];
    return queues.reduce((sum, { name, agents }) => {
      const there = agents.filter(({ extension }) => {
        const agent = this.agents.get(extension)!;
        return this.loggedIn(agent, name) && agent.pause !== 'misses';
      });
      return sum + there.length;
    }, 0);
  }

  private waitingIn(queue: string): OracleCaller[] {
    return this.callers
      .filter(
        (caller) => caller.queue === queue && (caller.state === 'waiting' || caller.state === 'offered'),
      )
      .sort(compare);
  }

  private queuesOf(ext: string): string[] {
    return this.config.filter(({ name }) => this.memberOf(name, ext) !== undefined).map(({ name }) => name);
  }

  private memberOf(queue: string, ext: string): QueueOptions['agents'][number] | undefined {
    return this.config.find(({ name }) => name === queue)?.agents.find(({ extension }) => extension === ext);
  }

  private loggedIn(agent: OracleAgent, queue: string): boolean {
    return agent.out !== 'all' && !agent.out.has(queue);
  }

  private agentOf(caller: OracleCaller): OracleAgent | undefined {
    return [...this.agents.values()].find((agent) => agent.duty === 'talking' && agent.caller === caller);
  }

  private caller(id: string): OracleCaller {
    return this.callers.find((caller) => caller.id === id)!;
  }
}

function compare(a: OracleCaller, b: OracleCaller): number {
  return b.priority - a.priority || a.at - b.at || Number(a.id.slice(1)) - Number(b.id.slice(1));
}
