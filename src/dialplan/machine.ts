import type { CallFacts, TraceEntry } from '../model/index.js';
import type { CallerId, ConferenceDefinition, MenuDefinition, Outcome, Plan, Prompt, Step } from './plan.js';

/** One leg to try: `calls` knows how to reach it. Text is substituted, names are resolved. */
export interface Leg {
  /** Where: a registered device, a PBX trunk with the number to ask for, or carrier trunks in order. */
  readonly to:
    | { readonly kind: 'device'; readonly device: string; readonly extension: string }
    | {
        readonly kind: 'trunks';
        readonly trunks: readonly string[];
        readonly number: string;
        readonly extension?: string;
      };
  /** Label in trace, record and tests: the extension, device or trunk as the plan names it. */
  readonly label: string;
  readonly confirm: boolean;
  readonly delayMs: number;
  /** Its own ring time, within the action's. */
  readonly forMs?: number;
  readonly emergency: boolean;
  /** On an emergency leg: the site whose rules placed it. */
  readonly emergencySite?: string;
  /** Who is shown to this leg where it differs from the action's `identity` (an outbound rule's own caller-id). */
  readonly identity?: CallerIdentity;
}

/** A group of legs rung together; groups are tried in turn. */
export interface LegGroup {
  readonly legs: readonly Leg[];
  readonly forMs: number;
}

/** What to send as the caller on the new legs. `local-presence` leaves the machine resolved, as `number` (or `keep`). */
export interface CallerIdentity {
  readonly mode: CallerId['kind'];
  /** For mode `number`: the number to send, E.164 or as written. */
  readonly number?: string;
  readonly name?: string;
  /** On a forwarded leg: the number that forwards, for Diversion (RFC 5806) where the trunk wants it. */
  readonly divertedFrom?: string;
  /** Further headers for the legs (`headers:` of the step and `set: { header.X-… }`). */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What `calls` (or a test, or explain) is asked to carry out next. */
export type Action =
  | {
      readonly kind: 'connect';
      readonly step: Step;
      /** Groups in turn; a group's legs together. Ends at the first that answers. */
      readonly groups: readonly LegGroup[];
      /** One declined leg ends the step. */
      readonly stopOnDecline: boolean;
      readonly identity: CallerIdentity;
      readonly fax: boolean;
      readonly music: string;
    }
  | {
      readonly kind: 'queue';
      readonly step: Step;
      readonly queue: string;
      readonly priority: number;
      readonly skills: Readonly<Record<string, number>>;
      readonly maxWaitMs?: number;
      /** The name agents are shown. */
      readonly callerName?: string;
    }
  | {
      readonly kind: 'menu';
      readonly step: Step;
      readonly menu: MenuDefinition;
      readonly attempt: number;
      readonly prompt: readonly Prompt[];
    }
  | {
      readonly kind: 'play';
      readonly step: Step;
      readonly prompt: Prompt;
      readonly early: boolean;
      readonly times: number;
    }
  | {
      readonly kind: 'collect';
      readonly step: Step;
      readonly attempt: number;
      readonly prompt: readonly Prompt[];
    }
  | { readonly kind: 'record'; readonly step: Step; readonly prompt: readonly Prompt[] }
  | { readonly kind: 'voicemail'; readonly step: Step; readonly mailbox: string; readonly greeting?: Prompt }
  | { readonly kind: 'survey'; readonly step: Step; readonly survey: string }
  | { readonly kind: 'conference'; readonly step: Step; readonly conference: ConferenceDefinition }
  | {
      readonly kind: 'webhook';
      readonly step: Step;
      readonly url: string;
      readonly timeoutMs: number;
      readonly secret?: string;
      readonly body: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'wait'; readonly step: Step; readonly ms: number }
  /** The call ends: unanswered with `status`, answered by BYE with the Q.850 cause (busy tone first where `tone`). */
  | {
      readonly kind: 'end';
      readonly status: number;
      readonly reason?: string;
      readonly q850: number;
      readonly tone?: 'busy';
      readonly why: string;
    };

/**
 * What became of an action; the kind fits the action's. One that does not fit is read as the nearest that does, since
 * a slip in an engine must not end in an exception.
 */
export type ActionResult =
  /** `digits`: what was keyed (menu, collect, survey; none: no input). `reply`: a webhook's JSON, or where a recording went. */
  | { readonly kind: 'done'; readonly digits?: string; readonly reply?: unknown }
  | {
      readonly kind: 'failed';
      readonly outcome: Outcome;
      readonly status?: number;
      /** One entry for each leg that was tried, in any order: a `ring` combines them. */
      readonly perLeg?: readonly { readonly label: string; readonly outcome: Outcome }[];
      /** Whether the caller has been answered by now, where the action leaves that open (a queue left after its music began). */
      readonly answered?: boolean;
    }
  /** The far end hung up after having been connected. */
  | { readonly kind: 'connected-ended' }
  | { readonly kind: 'over' };

/** Opaque, immutable, JSON-able state between steps. */
export interface MachineState {
  readonly answered: boolean;
  readonly variables: Readonly<Record<string, string>>;
  readonly stepsLeft: number;
  /** The machine's own stack and position; opaque outside this room. */
  readonly internal: unknown;
}

export interface MachineStep {
  readonly action: Action;
  readonly state: MachineState;
  /** What was decided on the way to this action, since the one before. */
  readonly trace: readonly TraceEntry[];
}

/** What the machine asks of the world at the moment it runs; all of it is input, so that runs can be repeated. */
export interface MachineWorld {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Ops' override of hours, or a test's `given.hours`. */
  hoursOverride(name: string): 'open' | 'closed' | 'holiday' | undefined;
  /** 0 ≤ x < 1; `purpose` keeps one call's draws apart; `weights` are those of a split's branches. */
  random(purpose: string, weights?: readonly number[]): number;
  /** Whose turn it is in a round-robin list, 0 ≤ turn < size; absent: drawn by `random`. */
  turn?(list: string, size: number): number;
}

export type Begin = (plan: Plan, facts: CallFacts, world: MachineWorld) => MachineStep;
export type Resume = (
  plan: Plan,
  facts: CallFacts,
  state: MachineState,
  result: ActionResult,
  world: MachineWorld,
) => MachineStep;
