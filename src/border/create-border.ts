import { createCidrSet } from '../base/cidr.js';
import type { BorderCode, BorderFinding, Verdict } from '../model/index.js';
import { createBans, type Bans, type BanSettings, type Failure } from './bans.js';
import { createCallChecks, type BorderLists } from './call-checks.js';
import { createCapacity, type Capacity, type Release } from './capacity.js';
import { allAdmitted, runChecks, type CallToCheck } from './check-call.js';
import { createHourlyCount } from './hourly-count.js';
import { findLegProblem, type LegToCheck } from './leg-permission.js';
import type { BorderDeps } from './ports.js';
import type { BorderRules, BorderTrunk } from './settings.js';

/** What the gate of the SIP server enforces before it parses. */
export interface BorderGateRules {
  readonly trusted: readonly string[];
  readonly denied: readonly string[];
  readonly banned: readonly { readonly address: string; readonly until: number }[];
  readonly unknownRate: BorderRules['unknownRate'];
  readonly observe: boolean;
}

export type LegAdmission =
  | { readonly kind: 'admit'; readonly release: Release }
  | { readonly kind: 'refuse'; readonly verdict: Extract<Verdict, { kind: 'refuse' }> };

/** Verdicts of one code since the start. */
export interface VerdictCount {
  readonly refused: number;
  /** What `mode: observe` would have refused. */
  readonly observed: number;
}

/** Each check that had something to say, in the fixed order, and what they come to. */
export interface BorderReport {
  readonly findings: readonly BorderFinding[];
  readonly verdict: Verdict;
}

export interface Border {
  /** Checks a call and counts it in rates and verdicts, unless `dryRun`. Takes no capacity: `callStarted` does. */
  checkCall(call: CallToCheck, options?: { readonly dryRun?: boolean }): BorderReport;
  /** After an admitted `checkCall`; never refuses. */
  callStarted(call: CallToCheck): Release;
  /** Permission and capacity of one leg towards a trunk. */
  legStarted(leg: LegToCheck): LegAdmission;
  /** What `legStarted` would say; counts nothing. */
  lookAtLeg(leg: LegToCheck): Verdict;
  /** A failed authentication, garbage or the like; enough of them ban the address. Unknown words count as `unknown-source`. */
  noteFailure(address: string, what: string, times?: number): void;
  readonly bans: Bans;
  gateRules(): BorderGateRules;
  counters(): ReadonlyMap<BorderCode, VerdictCount>;
  /** New rules and trunks take force as a whole; running calls keep their places. Throws `SETTINGS_INVALID`. */
  configure(rules: BorderRules, trunks: readonly BorderTrunk[]): void;
}

const ADMIT: Verdict = { kind: 'admit' };

/** The border: access list, user agents, block lists, rates, capacity, permissions and bans; each verdict has a code. */
export function createBorder(
  first: BorderRules,
  firstTrunks: readonly BorderTrunk[],
  deps: BorderDeps,
): Border {
  const { clock, logger } = deps;
  const counters = new Map<BorderCode, VerdictCount>();
  const capacities = new Map<string, Capacity>();
  const server = createCapacity('the server', first.limits, clock);
  const onlyServer = [server];
  const hourly = createHourlyCount();
  let rules = first;
  let trunkNetworks: readonly string[] = [];
  let isDeniedPrefix: (number: string) => boolean = () => false;
  let lists: BorderLists;

  const bans = createBans(banSettings(first, firstTrunks), {
    clock,
    logger,
    store: deps.bans,
    onChanged: deps.onBansChanged,
    isHome: deps.isHome,
  });
  const placesOf = ({ party }: CallToCheck): readonly Capacity[] => {
    const own = party.kind === 'trunk' ? capacities.get(party.trunk.name) : undefined;
    return own === undefined ? onlyServer : [own, server];
  };
  const checks = createCallChecks({ bans, lists: () => lists, placesOf });
  const admitted = allAdmitted(checks);
  configure(first, firstTrunks);

  function count(verdict: Verdict): void {
    if (verdict.kind === 'admit') return;
    const { refused, observed } = counters.get(verdict.code) ?? { refused: 0, observed: 0 };
    counters.set(
      verdict.code,
      verdict.observed ? { refused, observed: observed + 1 } : { refused: refused + 1, observed },
    );
  }

  function judgeLeg(leg: LegToCheck, dry: boolean): Verdict {
    const problem = findLegProblem(leg, dry, {
      clock,
      isDeniedPrefix,
      maxCallsPerHour: rules.fraud.maxCallsPerHour,
      hourly,
      capacity: capacities.get(leg.trunk.name),
    });
    if (problem === undefined) return ADMIT;
    const { code, reason } = problem;
    return { kind: 'refuse', status: 503, code, reason, observed: rules.mode === 'observe' };
  }

  function configure(next: BorderRules, trunks: readonly BorderTrunk[]): void {
    const callers = next.blockCallers.filter((pattern) => pattern !== 'anonymous');
    const prefixes = next.fraud.denyPrefixes.map((prefix) => (prefix.endsWith('*') ? prefix : `${prefix}*`));
    const nextLists: BorderLists = {
      allow: createCidrSet(next.allow),
      deny: createCidrSet(next.deny),
      isBlockedCaller: callers.length === 0 ? () => false : deps.compileNumbers(callers),
      blocksAnonymous: next.blockCallers.includes('anonymous'),
      userAgents: next.blockUserAgents.map((agent) => agent.toLowerCase()),
    };
    const nextDenied = prefixes.length === 0 ? () => false : deps.compileNumbers(prefixes);
    bans.configure(banSettings(next, trunks));
    // Nothing below can fail, so the rules change as a whole.
    rules = next;
    lists = nextLists;
    isDeniedPrefix = nextDenied;
    trunkNetworks = trunks.flatMap((trunk) => trunk.networks);
    server.configure(next.limits);
    const names = new Set(trunks.map((trunk) => trunk.name));
    for (const [name, capacity] of capacities) {
      if (!names.has(name) && capacity.calls === 0) capacities.delete(name);
    }
    for (const { name, limits } of trunks) {
      const capacity = capacities.get(name);
      if (capacity === undefined) capacities.set(name, createCapacity(`trunk ${name}`, limits, clock));
      else capacity.configure(limits);
    }
  }

  return {
    checkCall: (call, options) => {
      const dry = options?.dryRun === true;
      const report = runChecks(checks, call, { dry, observe: rules.mode === 'observe', admitted });
      if (dry || report.findings === admitted) return report;
      for (const { verdict } of report.findings) {
        count(verdict);
        if (verdict.kind === 'refuse') noteVerdict(bans, call.source.address, verdict.code);
      }
      return report;
    },
    callStarted: (call) => {
      const releases = placesOf(call).map((place) => place.occupy());
      return (answeredMs) => {
        for (const release of releases) release(answeredMs);
      };
    },
    legStarted: (leg) => {
      const verdict = judgeLeg(leg, false);
      count(verdict);
      if (verdict.kind === 'refuse' && !verdict.observed) return { kind: 'refuse', verdict };
      return { kind: 'admit', release: capacities.get(leg.trunk.name)?.occupy() ?? (() => undefined) };
    },
    lookAtLeg: (leg) => judgeLeg(leg, true),
    noteFailure: (address, what, times) =>
      bans.note(address, isFailure(what) ? what : 'unknown-source', times),
    bans,
    gateRules: () => ({
      trusted: [...trunkNetworks, ...rules.allow],
      denied: rules.deny,
      banned: bans.list().map(({ address, until }) => ({ address, until })),
      unknownRate: rules.unknownRate,
      observe: rules.mode === 'observe',
    }),
    counters: () => counters,
    configure,
  };
}

function noteVerdict(bans: Bans, address: string, code: BorderCode): void {
  if (code === 'user-agent-blocked') bans.note(address, 'scanner-user-agent');
  else if (code === 'unknown-source') bans.note(address, 'unknown-source');
}

function isFailure(what: string): what is Failure {
  return (
    what === 'failed-digest' ||
    what === 'malformed' ||
    what === 'scanner-user-agent' ||
    what === 'unknown-source'
  );
}

function banSettings(rules: BorderRules, trunks: readonly BorderTrunk[]): BanSettings {
  const never = [...rules.ban.never, ...rules.allow, ...trunks.flatMap((trunk) => trunk.networks)];
  return { ...rules.ban, never };
}
