import type { Place } from '../base/diagnostic.js';
import type { NumberPattern } from '../numbers/index.js';

/** Text with `${name}` parts, cut apart at load: constants and variables in turn. A text without variables has one part. */
export interface Template {
  readonly source: string;
  readonly parts: readonly (string | { readonly variable: string })[];
}

/** How a step that can fail may have failed. */
export type Outcome =
  | 'busy'
  | 'no-answer'
  | 'declined'
  | 'unreachable'
  | 'unknown'
  | 'limited'
  | 'full'
  | 'empty'
  | 'timeout'
  | 'refused'
  | 'invalid'
  | 'no-input';

/** A PATTERN of the language: what a number (or fact) is compared with. */
export type Matcher =
  | { readonly kind: 'number'; readonly pattern: NumberPattern }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'list'; readonly name: string }
  | { readonly kind: 'site'; readonly name: string }
  /** A text that is no number: compared whole (facts such as trunk, attestation, language). */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any'; readonly of: readonly Matcher[] };

export type Prompt =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'say'; readonly text: Template | Readonly<Record<string, Template>> }
  | { readonly kind: 'sequence'; readonly of: readonly Prompt[] };

/** Who a `ring` step or a forward calls. */
export interface Target {
  readonly place: Place;
  readonly who:
    | { readonly kind: 'extension'; readonly name: string }
    | { readonly kind: 'device'; readonly name: string }
    | { readonly kind: 'number'; readonly number: Template }
    | { readonly kind: 'trunk'; readonly name: string; readonly number?: Template }
    | { readonly kind: 'rota'; readonly name: string };
  readonly confirm: boolean;
  readonly delayMs: number;
  readonly forMs?: number;
}

/** `keep`, `anonymous`, `local-presence` or a number (may hold variables). */
export type CallerId =
  | { readonly kind: 'keep' }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'local-presence' }
  | { readonly kind: 'number'; readonly number: Template };

interface StepCommon {
  readonly place: Place;
  readonly name?: string;
  readonly otherwise?: Steps;
  readonly ifOutcome: Readonly<Partial<Record<Outcome, Steps>>>;
}

interface ConnectingStep extends StepCommon {
  readonly after?: Steps;
  readonly callerName?: Template;
}

export type Steps = readonly Step[];

export type Step =
  | (ConnectingStep & {
      readonly verb: 'extension';
      readonly extension:
        | { readonly kind: 'name'; readonly name: string }
        | { readonly kind: 'dnis'; readonly digits: number | 'rest'; readonly prefix: string };
      readonly forMs?: number;
      readonly callerId: CallerId;
      readonly forwards: boolean;
    })
  | (ConnectingStep & {
      readonly verb: 'ring';
      readonly targets: readonly Target[];
      readonly how: 'all' | 'in-order' | 'round-robin' | 'random';
      readonly forMs: number;
      readonly rounds: number;
      readonly decline: 'skip' | 'stop';
      readonly callerId: CallerId;
      /** `ringback` or a prompt file. */
      readonly music: string;
    })
  | (ConnectingStep & {
      readonly verb: 'trunk';
      readonly trunks: readonly string[];
      readonly number: Template;
      readonly callerId: CallerId;
      readonly headers: readonly (readonly [name: string, value: Template])[];
      readonly forMs: number;
      readonly fax: boolean;
    })
  | (ConnectingStep & {
      readonly verb: 'queue';
      readonly queue: string;
      readonly priority: number;
      readonly skills: Readonly<Record<string, number>>;
      readonly maxWaitMs?: number;
    })
  | (StepCommon & { readonly verb: 'menu'; readonly menu: string })
  | (StepCommon & {
      readonly verb: 'voicemail';
      readonly mailbox: string;
      readonly greeting?: Prompt;
      readonly maxMs: number;
    })
  | (StepCommon & {
      readonly verb: 'play';
      readonly prompt: Prompt;
      readonly early: boolean;
      readonly times: number;
    })
  | (StepCommon & {
      readonly verb: 'say';
      readonly prompt: Prompt;
      readonly early: boolean;
      readonly times: number;
    })
  | (StepCommon & {
      readonly verb: 'collect';
      readonly variable: string;
      readonly prompt?: Prompt;
      readonly minDigits: number;
      readonly maxDigits: number;
      readonly end: string;
      readonly timeoutMs: number;
      readonly digitTimeoutMs: number;
      readonly attempts: number;
      readonly accept?: Matcher;
      readonly secret: boolean;
    })
  | (StepCommon & {
      readonly verb: 'record';
      readonly what: 'message' | 'start' | 'pause' | 'stop';
      readonly to?: string;
      readonly prompt?: Prompt;
      readonly notice?: Prompt;
      readonly maxMs: number;
      readonly silenceMs: number;
      readonly end: string;
    })
  | (StepCommon & {
      readonly verb: 'hours';
      readonly hours: string;
      readonly open?: Steps;
      readonly closed?: Steps;
      /** Absent: as `closed`. */
      readonly holiday?: Steps;
    })
  | (StepCommon & {
      readonly verb: 'match';
      readonly facts: readonly (readonly [fact: string, pattern: Matcher])[];
      readonly then: Steps;
    })
  | (StepCommon & {
      readonly verb: 'split';
      readonly branches: readonly { readonly weight: number; readonly route: Steps }[];
      readonly by: 'call' | 'caller';
    })
  | (StepCommon & {
      readonly verb: 'set';
      readonly values: readonly (readonly [variable: string, text: Template])[];
    })
  | (StepCommon & {
      readonly verb: 'webhook';
      readonly url: Template;
      readonly timeoutMs: number;
      readonly secret?: string;
    })
  | (StepCommon & { readonly verb: 'survey'; readonly survey: string })
  | (StepCommon & { readonly verb: 'conference'; readonly conference: string })
  | (StepCommon & { readonly verb: 'wait'; readonly ms: number })
  | (StepCommon & { readonly verb: 'goto'; readonly route: string })
  | (StepCommon & { readonly verb: 'reject'; readonly status: number; readonly reason?: string })
  | (StepCommon & { readonly verb: 'busy' })
  | (StepCommon & { readonly verb: 'hangup' });

export type Verb = Step['verb'];
