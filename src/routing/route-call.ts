import { begin, createTurns, createWorld, resume } from '../dialplan/index.js';
import type { ActionResult, MachineState, MachineStep, MachineWorld, Plan } from '../dialplan/index.js';
import type { CallFacts, NumberRules, TraceEntry, TrunkSettings } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';
import { deviceCallFacts, trunkCallFacts } from './call-facts.js';
import { isEmergency } from './emergency.js';
import { explainCall, type Explanation, type ImaginedCall } from './explain-call.js';
import { identifyCaller, type CallerIdentification } from './identify-caller.js';
import type {
  Border,
  BorderCall,
  CallerAuthentication,
  CallParty,
  PlanSource,
  RequestSource,
  TrunkDirectory,
} from './ports.js';

/** What routing needs from outside. */
export interface RoutingDeps {
  readonly plans: PlanSource;
  readonly trunks: TrunkDirectory;
  readonly authentication: CallerAuthentication;
  readonly border: Border;
  /** How extensions' numbers are read: the settings' `numbers`. */
  readonly numbers: () => NumberRules;
  readonly now: () => number;
  readonly newId: () => string;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

/** A call the border let in, with its first action. */
export interface AdmittedCall {
  readonly kind: 'call';
  readonly facts: CallFacts;
  readonly plan: Plan;
  readonly revision: number;
  readonly step: MachineStep;
  /** What was decided before the plan was asked. */
  readonly trace: readonly TraceEntry[];
  /** The trunk it came in on. */
  readonly trunk?: TrunkSettings;
  readonly border: BorderCall;
  readonly emergency: boolean;
}

export type RouteDecision =
  | AdmittedCall
  | {
      readonly kind: 'challenge';
      readonly status: 401 | 407;
      readonly headers: readonly (readonly [name: string, value: string])[];
    }
  | {
      readonly kind: 'refuse';
      readonly status: number;
      /** Stable code of the verdict. */
      readonly code: string;
      /** For log and record, never for the wire. */
      readonly reason: string;
      readonly retryAfterS?: number;
      /** What is known of the call; absent when nobody we know sent it, which leaves no record. */
      readonly known?: {
        readonly facts: CallFacts;
        readonly revision: number;
        readonly trace: readonly TraceEntry[];
      };
    };

/** The way of a call from its INVITE to its first action: who, whether, what, where. Calls, API and command line share it. */
export interface Router {
  routeCall(request: SipRequest, source: RequestSource): RouteDecision;
  /** Carries a routed call on, by its own revision of the plan. */
  resume(call: Pick<AdmittedCall, 'plan' | 'facts'>, state: MachineState, result: ActionResult): MachineStep;
  explainCall(call: ImaginedCall): Explanation;
}

export function createRouter(deps: RoutingDeps): Router {
  const turn = createTurns();
  const world = (facts: CallFacts): MachineWorld =>
    createWorld({
      now: deps.now(),
      seed: facts.seed,
      hoursOverride: (name) => deps.plans.hoursOverride(name),
      turn,
    });
  return {
    resume: ({ plan, facts }, state, result) => resume(plan, facts, state, result, world(facts)),
    routeCall: (request, source) => routeCall(request, source, deps, world),
    explainCall: (call) =>
      explainCall(call, {
        ...deps.plans.current(),
        trunk: (name) => deps.trunks.get(name),
        border: deps.border,
        numbers: deps.numbers(),
        now: deps.now(),
        hoursOverride: (name) => deps.plans.hoursOverride(name),
      }),
  };
}

function routeCall(
  request: SipRequest,
  source: RequestSource,
  deps: RoutingDeps,
  world: (facts: CallFacts) => MachineWorld,
): RouteDecision {
  const { plan, revision } = deps.plans.current();
  const who = identifyCaller(request, source, plan, deps);
  if (who.kind === 'challenge') return challenge(who, request, source, deps);
  if (who.kind === 'unknown') return refuseUnknown(who.why, request, source, deps);

  const circumstances = {
    callId: deps.newId(),
    at: deps.now(),
    seed: Math.floor(deps.random() * 0x1_0000_0000),
  };
  const facts =
    who.kind === 'trunk'
      ? trunkCallFacts(request, who.trunk, plan, circumstances)
      : deviceCallFacts(request, who.device, plan, deps.numbers(), circumstances);
  const emergency = isEmergency(plan, facts);
  const border = borderCall(request, source, partyOf(who), facts, emergency);
  const { verdict, findings } = deps.border.checkCall(border);
  const trace: TraceEntry[] = [trunkEntry(who)];
  // Nearly all calls are admitted without a remark; only remarks are worth a line of every record.
  for (const finding of findings)
    if (finding.verdict.kind === 'refuse') trace.push({ kind: 'border', finding });
  if (verdict.kind === 'refuse' && !verdict.observed) {
    const { status, code, reason, retryAfterS } = verdict;
    return {
      kind: 'refuse',
      status: status === 0 ? 403 : status,
      code,
      reason,
      known: { facts, revision, trace },
      ...(retryAfterS === undefined ? {} : { retryAfterS }),
    };
  }
  return {
    kind: 'call',
    facts,
    plan,
    revision,
    step: begin(plan, facts, world(facts)),
    trace,
    border,
    emergency,
    ...(who.kind === 'trunk' ? { trunk: who.trunk } : {}),
  };
}

/** A challenge, unless the border would refuse whoever it is; only then the verdict counts. */
function challenge(
  who: Extract<CallerIdentification, { kind: 'challenge' }>,
  request: SipRequest,
  source: RequestSource,
  deps: RoutingDeps,
): RouteDecision {
  const call = bareCall(request, source, 'unidentified');
  if (isRefused(deps.border.checkCall(call, { dryRun: true }).verdict)) {
    const { verdict } = deps.border.checkCall(call);
    if (verdict.kind === 'refuse') return refusal(verdict);
  }
  return { kind: 'challenge', status: who.status, headers: who.headers };
}

function refuseUnknown(
  why: string,
  request: SipRequest,
  source: RequestSource,
  deps: RoutingDeps,
): RouteDecision {
  const { verdict } = deps.border.checkCall(bareCall(request, source, 'unknown'));
  // Observing counts what would be refused; who is unknown has no route to go, though.
  return verdict.kind === 'refuse'
    ? refusal({ ...verdict, reason: `${why}; ${verdict.reason}` })
    : { kind: 'refuse', status: 403, code: 'unknown-source', reason: why };
}

function refusal(
  verdict: Extract<ReturnType<Border['checkCall']>['verdict'], { kind: 'refuse' }>,
): RouteDecision {
  const { status, code, reason, retryAfterS } = verdict;
  return {
    kind: 'refuse',
    status: status === 0 ? 403 : status,
    code,
    reason,
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  };
}

function isRefused(verdict: ReturnType<Border['checkCall']>['verdict']): boolean {
  return verdict.kind === 'refuse' && !verdict.observed;
}

function bareCall(request: SipRequest, source: RequestSource, party: 'unidentified' | 'unknown'): BorderCall {
  const userAgent = request.headers.get('User-Agent');
  return {
    source,
    party: { kind: party },
    anonymous: false,
    direction: 'inbound',
    emergency: false,
    request,
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

function borderCall(
  request: SipRequest,
  source: RequestSource,
  party: CallParty,
  facts: CallFacts,
  emergency: boolean,
): BorderCall {
  const userAgent = request.headers.get('User-Agent');
  return {
    source,
    party,
    anonymous: facts.anonymous,
    dialed: facts.dialed,
    direction: facts.direction,
    emergency,
    request,
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(facts.caller === undefined ? {} : { caller: facts.caller }),
  };
}

function partyOf(who: Extract<CallerIdentification, { kind: 'trunk' | 'device' }>): CallParty {
  return who.kind === 'trunk' ? { kind: 'trunk', trunk: who.trunk } : { kind: 'device', device: who.device };
}

function trunkEntry(who: Extract<CallerIdentification, { kind: 'trunk' | 'device' }>): TraceEntry {
  return who.kind === 'trunk'
    ? { kind: 'trunk', trunk: who.trunk.name, why: who.why }
    : { kind: 'trunk', why: who.why };
}
