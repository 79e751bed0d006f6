import type { Place } from '../base/diagnostic.js';
import type { DeviceDefinition } from '../model/index.js';
import type { DidIndex, NumberPattern } from '../numbers/index.js';

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
  | (StepCommon & { readonly verb: 'wait'; readonly ms: number })
  | (StepCommon & { readonly verb: 'goto'; readonly route: string })
  | (StepCommon & { readonly verb: 'reject'; readonly status: number; readonly reason?: string })
  | (StepCommon & { readonly verb: 'busy' })
  | (StepCommon & { readonly verb: 'hangup' });

export type Verb = Step['verb'];

/** One rule of `numbers:`. */
export interface NumberRule {
  readonly place: Place;
  readonly name?: string;
  readonly patterns: readonly NumberPattern[];
  readonly from?: Matcher;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
  readonly priority?: number;
  readonly route: Steps;
  /** Further columns of an imported CSV row: `${row.city}`. */
  readonly row?: Readonly<Record<string, string>>;
  readonly tenant?: string;
}

export interface Forwards {
  readonly always?: Target;
  readonly busy?: Target;
  readonly noAnswer?: Target;
  readonly unreachable?: Target;
}

/** What an extension name stands for. A block `lo..hi` shares one definition. */
export interface ExtensionDefinition {
  readonly place: Place;
  /** A name, or the two ends of a block of equal length. */
  readonly name: string | { readonly lo: string; readonly hi: string };
  readonly displayName?: string;
  readonly where:
    | { readonly kind: 'devices'; readonly devices: readonly string[] }
    | { readonly kind: 'trunk'; readonly trunk: string }
    | { readonly kind: 'route'; readonly route: Steps };
  readonly mailbox?: string;
  readonly callerId?: string;
  readonly forward: Forwards;
  readonly site?: string;
  /** Default 20 s. */
  readonly forMs: number;
  readonly otherwise?: Steps;
  readonly tenant?: string;
}

export interface MenuDefinition {
  readonly place: Place;
  readonly name: string;
  readonly prompt: Prompt;
  readonly keys: Readonly<Record<string, Steps>>;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly digitTimeoutMs: number;
  readonly bargeIn: boolean;
  readonly dialExtension: boolean;
  readonly noInput?: Prompt;
  readonly invalid?: Prompt;
  readonly otherwise?: Steps;
  readonly ifOutcome: Readonly<Partial<Record<Outcome, Steps>>>;
}

export interface QueueAgent {
  readonly extension: string;
  readonly tier: number;
  readonly penalty: number;
  readonly skills: Readonly<Record<string, number>>;
}

export interface QueueDefinition {
  readonly place: Place;
  readonly name: string;
  readonly strategy:
    'ring-all' | 'round-robin' | 'longest-idle' | 'fewest-calls' | 'random' | 'top-down' | 'skills';
  readonly agents: readonly QueueAgent[];
  readonly music?: string;
  readonly announce?: { readonly position: boolean; readonly wait: boolean; readonly everyMs: number };
  readonly ringForMs: number;
  readonly wrapUpMs: number;
  readonly maxWaitMs?: number;
  readonly maxCallers?: number;
  readonly callback?: { readonly afterMs: number; readonly key: string };
  readonly serviceLevelMs: number;
  readonly relax: readonly { readonly afterMs: number; readonly skills: Readonly<Record<string, number>> }[];
  readonly overflow: readonly { readonly afterMs: number; readonly also: string }[];
  readonly otherwise?: Steps;
  readonly ifOutcome: Readonly<Partial<Record<Outcome, Steps>>>;
}

/** Minutes of the day; `to` may exceed 1440 (the part after midnight belongs to the first day). */
export interface OpenSpan {
  readonly from: number;
  readonly to: number;
}

export interface HoursDefinition {
  readonly place: Place;
  readonly name: string;
  readonly timezone: string;
  /** Monday is 0. */
  readonly week: readonly (readonly OpenSpan[])[];
  /** `MM-DD` or `YYYY-MM-DD` to own hours; the dated one wins. */
  readonly special: ReadonlyMap<string, readonly OpenSpan[]>;
  readonly holidays: readonly string[];
}

export type CalendarDate =
  | { readonly kind: 'yearly'; readonly month: number; readonly day: number }
  | { readonly kind: 'dated'; readonly year: number; readonly month: number; readonly day: number }
  | {
      readonly kind: 'yearly-span';
      readonly from: readonly [month: number, day: number];
      readonly to: readonly [month: number, day: number];
    }
  | { readonly kind: 'dated-span'; readonly from: string; readonly to: string }
  | { readonly kind: 'easter'; readonly offsetDays: number };

export interface CalendarDefinition {
  readonly name: string;
  readonly days: readonly { readonly date: CalendarDate; readonly label: string }[];
}

export interface SiteDefinition {
  readonly place: Place;
  readonly name: string;
  readonly country?: string;
  readonly areaCode?: string;
  readonly outsideLine?: string;
  readonly emergency?: {
    readonly numbers: readonly string[];
    readonly via: readonly string[];
    readonly callerId?: string;
    readonly notify: readonly string[];
  };
}

export interface OutboundRule {
  readonly place: Place;
  readonly name?: string;
  readonly dial?: NumberPattern;
  readonly to?: NumberPattern;
  readonly from?: Matcher;
  readonly strip: number;
  readonly prefix: string;
  readonly via: readonly string[];
  readonly callerId: CallerId;
  readonly route?: Steps;
  readonly tenant?: string;
}

export interface MailboxDefinition {
  readonly name: string;
  readonly place: Place;
  readonly pin?: string;
  readonly greeting?: Prompt;
}

export interface SurveyDefinition {
  readonly name: string;
  readonly place: Place;
  readonly ask: Prompt;
  readonly digits: number;
  readonly accept?: Matcher;
}

export interface RotaDefinition {
  readonly name: string;
  readonly place: Place;
  readonly timezone: string;
  readonly starts: number;
  readonly everyMs: number;
  readonly people: readonly string[];
  readonly swaps: readonly { readonly from: number; readonly to: number; readonly who: string }[];
}

/** A compiled dialplan: immutable; a call keeps the one it began with. Names are unique after the tenant is prefixed (`tenant/name`). */
export interface Plan {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** SHA-256 over the files, hexadecimal. */
  readonly hash: string;
  readonly numbers: DidIndex<NumberRule>;
  readonly rules: readonly NumberRule[];
  readonly extensions: ReadonlyMap<string, ExtensionDefinition>;
  /** Blocks `lo..hi`, the narrowest first. */
  readonly extensionBlocks: readonly ExtensionDefinition[];
  readonly devices: ReadonlyMap<string, DeviceDefinition>;
  readonly lists: ReadonlyMap<string, readonly Matcher[]>;
  readonly calendars: ReadonlyMap<string, CalendarDefinition>;
  readonly hours: ReadonlyMap<string, HoursDefinition>;
  readonly menus: ReadonlyMap<string, MenuDefinition>;
  readonly queues: ReadonlyMap<string, QueueDefinition>;
  readonly mailboxes: ReadonlyMap<string, MailboxDefinition>;
  readonly sites: ReadonlyMap<string, SiteDefinition>;
  readonly outbound: readonly OutboundRule[];
  readonly routes: ReadonlyMap<string, Steps>;
  readonly rotas: ReadonlyMap<string, RotaDefinition>;
  readonly surveys: ReadonlyMap<string, SurveyDefinition>;
  readonly tests: readonly PlanTest[];
}

/** An inline test; checked by `run-tests.ts`. */
export interface PlanTest {
  readonly place: Place;
  readonly name: string;
  readonly call:
    | {
        readonly kind: 'outside';
        readonly to: string;
        readonly from?: string;
        readonly trunk?: string;
        readonly at?: number;
      }
    | {
        readonly kind: 'inside';
        readonly extension?: string;
        readonly device?: string;
        readonly dial: string;
        readonly at?: number;
      };
  readonly press: readonly string[];
  readonly given: {
    readonly legs: Readonly<Record<string, readonly string[]>>;
    readonly queues: Readonly<Record<string, { readonly agents?: number; readonly outcome?: Outcome }>>;
    readonly trunks: Readonly<Record<string, string>>;
    readonly webhooks: Readonly<Record<string, unknown>>;
    readonly hours: Readonly<Record<string, 'open' | 'closed' | 'holiday'>>;
    readonly split?: number;
  };
  readonly expect: {
    readonly end?: StepPicture;
    readonly path?: readonly StepPicture[];
    readonly never?: readonly StepPicture[];
    readonly status?: number;
    readonly sent?: { readonly trunk?: string; readonly number?: string; readonly callerId?: string };
    readonly heard?: readonly string[];
  };
  readonly forEach?: readonly Readonly<Record<string, string>>[];
}

/** A step as a test writes it: the verb, its value as text, and how it ended. */
export interface StepPicture {
  readonly place: Place;
  readonly verb: Verb;
  readonly value: string | readonly string[];
  readonly is?: Outcome | 'connected' | 'done';
}
