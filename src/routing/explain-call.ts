import {
  createTurns,
  createWorld,
  findExtension,
  formatTrace,
  imagineCall,
  NOTHING_GIVEN,
  type ImaginedCallResult,
  type ImaginedScript,
  type Plan,
} from '../dialplan/index.js';
import type { CallFacts, NumberRules, TraceEntry, TrunkSettings, Verdict } from '../model/index.js';
import { normalizeNumber } from '../numbers/index.js';
import { insideDigits, isInside, pbxExtension } from './call-facts.js';
import { isEmergency } from './emergency.js';
import type { Border, BorderCall, CallParty } from './ports.js';

/** A call somebody asks about. */
export interface ImaginedCall {
  /** As it would be dialled or arrive. */
  readonly number: string;
  /** The caller's number, or `anonymous`. */
  readonly from?: string;
  /** The trunk it comes in on; without one, and without an extension, it comes from outside, by no trunk in particular. */
  readonly trunk?: string;
  /** The extension that dials. */
  readonly extension?: string;
  /** Milliseconds since the epoch; absent: now. */
  readonly at?: number;
  /** What the caller keys, prompt by prompt; `wait` lets one time out. */
  readonly press?: readonly string[];
  /** How the world answers where it does not just answer. */
  readonly given?: ImaginedScript['given'];
}

export interface Explanation {
  /** One sentence: what becomes of the call. */
  readonly decision: string;
  readonly verdict: Verdict;
  /** What the caller would get, when the call is not connected. */
  readonly status?: number;
  readonly trace: readonly TraceEntry[];
  /** The trace in words, a line each. */
  readonly lines: readonly string[];
  readonly facts: CallFacts;
  readonly steps: ImaginedCallResult['steps'];
  /** Legs that would leave by a trunk. */
  readonly sent: ImaginedCallResult['sent'];
}

/** What explain looks at: the running server's own parts, or files read offline. */
export interface ExplainContext {
  readonly plan: Plan;
  readonly trunk: (name: string) => TrunkSettings | undefined;
  /** Absent offline: then nothing is said of it. */
  readonly border?: Pick<Border, 'checkCall'>;
  /** How numbers are read where no trunk says otherwise. */
  readonly numbers: NumberRules;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly hoursOverride?: (name: string) => 'open' | 'closed' | 'holiday' | undefined;
}

const ADMIT: Verdict = { kind: 'admit' };

/** The address an imagined call comes from: nowhere (RFC 5737). */
const IMAGINED_SOURCE = { address: '192.0.2.0', port: 5060, transport: 'udp' };

/** Puts an imagined call through the same way as a real one and drives the plan to its end; nothing is counted or sent. */
export function explainCall(call: ImaginedCall, context: ExplainContext): Explanation {
  const trunk = call.trunk === undefined ? undefined : context.trunk(call.trunk);
  const facts = imaginedFacts(call, trunk, context);
  const trace: TraceEntry[] = [whoCalls(call, trunk)];
  const verdict = borderVerdict(facts, trunk, context, trace);
  if (verdict.kind === 'refuse' && !verdict.observed) {
    return {
      decision: `refused by the border with ${verdict.status} (${verdict.code}): ${verdict.reason}`,
      verdict,
      status: verdict.status === 0 ? 403 : verdict.status,
      trace,
      lines: formatTrace(trace),
      facts,
      steps: [],
      sent: [],
    };
  }
  const result = imagineCall(
    context.plan,
    facts,
    { press: call.press ?? [], given: call.given ?? NOTHING_GIVEN },
    createWorld({
      now: facts.at,
      seed: facts.seed,
      turn: createTurns(),
      ...(context.hoursOverride === undefined ? {} : { hoursOverride: context.hoursOverride }),
    }),
  );
  trace.push(...result.trace);
  const { stopped } = result;
  const status = stopped.kind === 'end' && stopped.action.status >= 300 ? stopped.action.status : undefined;
  return {
    decision: decisionOf(result, facts),
    verdict,
    ...(status === undefined ? {} : { status }),
    trace,
    lines: formatTrace(trace),
    facts,
    steps: result.steps,
    sent: result.sent,
  };
}

function imaginedFacts(
  call: ImaginedCall,
  trunk: TrunkSettings | undefined,
  context: ExplainContext,
): CallFacts {
  const { plan } = context;
  const rules = trunk?.numbers ?? context.numbers;
  const at = call.at ?? context.now;
  const raw = call.number.trim();
  const number = normalizeNumber(raw, rules) ?? raw;
  const common = { callId: 'explain', dialedRaw: raw, headers: {}, at, seed: 1 };
  const anonymous = call.from?.trim().toLowerCase() === 'anonymous';
  const from = call.from?.trim();
  const caller = from === undefined || anonymous ? undefined : (normalizeNumber(from, rules) ?? from);
  if (call.extension !== undefined) {
    const found = findExtension(plan, call.extension, undefined);
    const name = found?.definition.displayName;
    const site = found?.definition.site;
    const tenant = found?.definition.tenant;
    return {
      ...common,
      direction: 'internal',
      dialed: insideDigits(raw, number),
      callerRaw: call.extension,
      anonymous: false,
      extension: found?.name ?? call.extension,
      caller: found?.digits ?? call.extension,
      ...(name === undefined ? {} : { callerName: name }),
      ...(site === undefined ? {} : { site }),
      ...(tenant === undefined ? {} : { tenant }),
    };
  }
  const extension = trunk === undefined ? undefined : pbxExtension(plan, trunk, from ?? '');
  const inside = trunk !== undefined && isInside(plan, trunk, extension, number);
  return {
    ...common,
    direction: inside ? 'internal' : 'inbound',
    dialed: inside ? insideDigits(raw, number) : number,
    callerRaw: from ?? '',
    anonymous,
    ...(extension === undefined ? {} : { extension }),
    ...(extension === undefined ? (caller === undefined ? {} : { caller }) : { caller: from ?? extension }),
    ...(call.trunk === undefined ? {} : { trunk: call.trunk }),
    ...(trunk?.site === undefined ? {} : { site: trunk.site }),
    ...(trunk?.tenant === undefined ? {} : { tenant: trunk.tenant }),
  };
}

function whoCalls(call: ImaginedCall, trunk: TrunkSettings | undefined): TraceEntry {
  if (call.extension !== undefined)
    return { kind: 'trunk', why: `extension ${call.extension} dials (imagined)` };
  if (call.trunk === undefined) {
    return {
      kind: 'trunk',
      why: 'comes from outside, by no trunk in particular (imagined); the border is not asked',
    };
  }
  return trunk === undefined
    ? { kind: 'trunk', why: `there is no trunk ${call.trunk}` }
    : { kind: 'trunk', trunk: trunk.name, why: 'comes in on this trunk (imagined)' };
}

/** Asks the border about the call without its being counted; every finding goes to the trace. */
function borderVerdict(
  facts: CallFacts,
  trunk: TrunkSettings | undefined,
  context: ExplainContext,
  trace: TraceEntry[],
): Verdict {
  const party = imaginedParty(facts, trunk);
  if (context.border === undefined || party === undefined) return ADMIT;
  const call: BorderCall = {
    source: IMAGINED_SOURCE,
    party,
    anonymous: facts.anonymous,
    dialed: facts.dialed,
    direction: facts.direction,
    emergency: isEmergency(context.plan, facts),
    ...(facts.caller === undefined ? {} : { caller: facts.caller }),
  };
  const report = context.border.checkCall(call, { dryRun: true });
  for (const finding of report.findings) trace.push({ kind: 'border', finding });
  return report.verdict;
}

function imaginedParty(facts: CallFacts, trunk: TrunkSettings | undefined): CallParty | undefined {
  if (trunk !== undefined) return { kind: 'trunk', trunk };
  if (facts.extension === undefined) return undefined;
  const { extension } = facts;
  return { kind: 'device', device: { name: extension, extension, password: '', hotDesk: false } };
}

function decisionOf(result: ImaginedCallResult, facts: CallFacts): string {
  const { stopped, steps } = result;
  const last = steps.at(-1);
  const at = last === undefined ? '' : `${last.verb}: ${last.value}`;
  switch (stopped.kind) {
    case 'connected':
      return `${facts.dialed} is connected to ${stopped.to}`;
    case 'needs-input':
      return `${facts.dialed} waits for the caller at ${at}`;
    case 'caller-left':
      return `the caller leaves at ${at}`;
    case 'end': {
      const { status, why } = stopped.action;
      return status < 300
        ? `${facts.dialed} ends: ${why}`
        : `${facts.dialed} is refused with ${status}: ${why}`;
    }
  }
}
