import type { Place } from '../base/diagnostic.js';
import type { DeviceDefinition } from '../model/index.js';
import type { DidIndex, NumberPattern } from '../numbers/index.js';
import type { CallerId, Matcher, Outcome, Prompt, Steps, Target, Verb } from './plan-steps.js';

export type {
  CallerId,
  Matcher,
  Outcome,
  Prompt,
  Step,
  Steps,
  Target,
  Template,
  Verb,
} from './plan-steps.js';

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

/** A room in which callers talk to one another. */
export interface ConferenceDefinition {
  readonly name: string;
  readonly place: Place;
  /** Absent: everybody enters. */
  readonly pin?: string;
  /** Makes its caller a host; never without `pin`. */
  readonly hostPin?: string;
  readonly max: number;
  /** What is said there is recorded. */
  readonly record: boolean;
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
  readonly conferences: ReadonlyMap<string, ConferenceDefinition>;
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
    /** Rooms that have no place left. */
    readonly conferences?: Readonly<Record<string, 'full'>>;
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
}

/** A step as a test writes it: the verb, its value as text, and how it ended. */
export interface StepPicture {
  readonly place: Place;
  readonly verb: Verb;
  readonly value: string | readonly string[];
  readonly is?: Outcome | 'connected' | 'done';
}
