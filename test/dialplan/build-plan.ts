import { createDidIndex, parsePattern } from '../../src/numbers/index.js';
import type { NumberPattern } from '../../src/numbers/index.js';
import type { CallFacts, DeviceDefinition } from '../../src/model/index.js';
import type { MachineWorld } from '../../src/dialplan/machine.js';
import type {
  ConferenceDefinition,
  ExtensionDefinition,
  HoursDefinition,
  Matcher,
  MenuDefinition,
  NumberRule,
  Outcome,
  OutboundRule,
  Plan,
  QueueDefinition,
  SiteDefinition,
  Step,
  Steps,
  Target,
  Template,
} from '../../src/dialplan/plan.js';

/** Plans by hand, for tests of the machine alone: each helper fills in what the loader would. */
let line = 0;

export function place() {
  line++;
  return { file: 'plan.yaml', line, column: 1 };
}

/** `"${did}"` and text around it. */
export function text(source: string): Template {
  const parts = source
    .split(/(\$\{[^}]*\})/)
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('${') ? { variable: part.slice(2, -1) } : part));
  return { source, parts: parts.length === 0 ? [''] : parts };
}

export function pattern(source: string): NumberPattern {
  const read = parsePattern(source);
  if ('error' in read) throw new Error(read.error);
  return read;
}

export function number(source: string): Matcher {
  return { kind: 'number', pattern: pattern(source) };
}

type Verb = Step['verb'];
type Fields<V extends Verb> = Partial<Omit<Extract<Step, { verb: V }>, 'verb' | 'place'>>;

function make<V extends Verb>(verb: V, defaults: Record<string, unknown>, fields: Fields<V>): Step {
  return { verb, place: place(), ifOutcome: {}, ...defaults, ...fields } as unknown as Step;
}

const KEEP = { kind: 'keep' } as const;

export const step = {
  extension: (name: string, fields: Fields<'extension'> = {}) =>
    make('extension', { extension: { kind: 'name', name }, callerId: KEEP, forwards: true }, fields),
  dnis: (digits: number | 'rest', prefix = '', fields: Fields<'extension'> = {}) =>
    make(
      'extension',
      { extension: { kind: 'dnis', digits, prefix }, callerId: KEEP, forwards: true },
      fields,
    ),
  ring: (targets: readonly (string | Target)[], fields: Fields<'ring'> = {}) =>
    make(
      'ring',
      {
        targets: targets.map((one) => (typeof one === 'string' ? target(one) : one)),
        how: 'all',
        forMs: 20_000,
        rounds: 1,
        decline: 'skip',
        callerId: KEEP,
        music: 'ringback',
      },
      fields,
    ),
  trunk: (names: string | readonly string[], fields: Fields<'trunk'> = {}) =>
    make(
      'trunk',
      {
        trunks: typeof names === 'string' ? [names] : names,
        number: text('${did}'),
        callerId: KEEP,
        headers: [],
        forMs: 60_000,
        fax: false,
      },
      fields,
    ),
  queue: (name: string, fields: Fields<'queue'> = {}) =>
    make('queue', { queue: name, priority: 0, skills: {} }, fields),
  menu: (name: string, fields: Fields<'menu'> = {}) => make('menu', { menu: name }, fields),
  voicemail: (mailbox: string, fields: Fields<'voicemail'> = {}) =>
    make('voicemail', { mailbox, maxMs: 180_000 }, fields),
  play: (file: string, fields: Fields<'play'> = {}) =>
    make('play', { prompt: { kind: 'file', file }, early: false, times: 1 }, fields),
  say: (words: string, fields: Fields<'say'> = {}) =>
    make('say', { prompt: { kind: 'say', text: text(words) }, early: false, times: 1 }, fields),
  collect: (variable: string, fields: Fields<'collect'> = {}) =>
    make(
      'collect',
      {
        variable,
        minDigits: 1,
        maxDigits: 32,
        end: '#',
        timeoutMs: 5000,
        digitTimeoutMs: 3000,
        attempts: 3,
        secret: false,
      },
      fields,
    ),
  record: (what: 'message' | 'start' | 'pause' | 'stop', fields: Fields<'record'> = {}) =>
    make('record', { what, maxMs: 120_000, silenceMs: 5000, end: '#' }, fields),
  hours: (name: string, fields: Fields<'hours'> = {}) => make('hours', { hours: name }, fields),
  match: (facts: Record<string, Matcher>, then: Steps, otherwise?: Steps) =>
    make('match', { facts: Object.entries(facts), then }, otherwise === undefined ? {} : { otherwise }),
  split: (branches: readonly { weight: number; route: Steps }[], by: 'call' | 'caller' = 'call') =>
    make('split', { branches, by }, {}),
  set: (values: Record<string, string>) =>
    make('set', { values: Object.entries(values).map(([name, value]) => [name, text(value)]) }, {}),
  webhook: (url: string, fields: Fields<'webhook'> = {}) =>
    make('webhook', { url: text(url), timeoutMs: 3000 }, fields),
  survey: (name: string, fields: Fields<'survey'> = {}) => make('survey', { survey: name }, fields),
  conference: (name: string, fields: Fields<'conference'> = {}) =>
    make('conference', { conference: name }, fields),
  wait: (ms: number) => make('wait', { ms }, {}),
  goto: (route: string) => make('goto', { route }, {}),
  reject: (status: number, fields: Fields<'reject'> = {}) => make('reject', { status }, fields),
  busy: () => make('busy', {}, {}),
  hangup: () => make('hangup', {}, {}),
};

export function target(who: string, fields: Partial<Target> = {}): Target {
  const named = who.startsWith('+')
    ? ({ kind: 'number', number: text(who) } as const)
    : ({ kind: 'extension', name: who } as const);
  return { place: place(), who: named, confirm: false, delayMs: 0, ...fields };
}

export function rule(did: string, route: Steps, fields: Partial<NumberRule> = {}): NumberRule {
  return { place: place(), name: did, patterns: [pattern(did)], route, ...fields };
}

export function extension(name: string, fields: Partial<ExtensionDefinition> = {}): ExtensionDefinition {
  const [lo, hi] = name.split('..');
  return {
    place: place(),
    name: hi === undefined || lo === undefined ? name : { lo, hi },
    where: { kind: 'devices', devices: [name] },
    forward: {},
    forMs: 20_000,
    ...fields,
  };
}

export function device(name: string, fields: Partial<DeviceDefinition> = {}): DeviceDefinition {
  return { name, extension: name, password: 'secret', hotDesk: false, ...fields };
}

export function menu(
  name: string,
  keys: Record<string, Steps>,
  fields: Partial<MenuDefinition> = {},
): MenuDefinition {
  return {
    place: place(),
    name,
    prompt: { kind: 'file', file: `${name}.wav` },
    keys,
    timeoutMs: 5000,
    attempts: 3,
    digitTimeoutMs: 2000,
    bargeIn: true,
    dialExtension: false,
    ifOutcome: {},
    ...fields,
  };
}

export function queue(name: string, fields: Partial<QueueDefinition> = {}): QueueDefinition {
  return {
    place: place(),
    name,
    strategy: 'ring-all',
    agents: [],
    ringForMs: 15_000,
    wrapUpMs: 0,
    serviceLevelMs: 20_000,
    relax: [],
    overflow: [],
    ifOutcome: {},
    ...fields,
  };
}

export function outbound(
  fields: Partial<Omit<OutboundRule, 'to' | 'dial'>> & { to?: string; dial?: string },
): OutboundRule {
  const { to, dial, ...rest } = fields;
  return {
    place: place(),
    strip: 0,
    prefix: '',
    via: [],
    callerId: KEEP,
    ...(to === undefined ? {} : { to: pattern(to) }),
    ...(dial === undefined ? {} : { dial: pattern(dial) }),
    ...rest,
  };
}

export function site(name: string, fields: Partial<SiteDefinition> = {}): SiteDefinition {
  return { place: place(), name, country: 'US', areaCode: '202', ...fields };
}

/** Monday to Friday, the same spans; minutes of the day. */
export function weekdays(
  timezone: string,
  from: number,
  to: number,
  fields: Partial<HoursDefinition> = {},
): HoursDefinition {
  const span = [{ from, to }];
  return {
    place: place(),
    name: 'office',
    timezone,
    week: [span, span, span, span, span, [], []],
    special: new Map(),
    holidays: [],
    ...fields,
  };
}

interface Parts {
  readonly rules?: readonly NumberRule[];
  readonly extensions?: readonly ExtensionDefinition[];
  readonly devices?: readonly DeviceDefinition[];
  readonly menus?: readonly MenuDefinition[];
  readonly queues?: readonly QueueDefinition[];
  readonly hours?: readonly HoursDefinition[];
  readonly sites?: readonly SiteDefinition[];
  readonly outbound?: readonly OutboundRule[];
  readonly routes?: Readonly<Record<string, Steps>>;
  readonly lists?: Readonly<Record<string, readonly Matcher[]>>;
  readonly conferences?: readonly ConferenceDefinition[];
  readonly plan?: Partial<Plan>;
}

export function buildPlan(parts: Parts): Plan {
  const byName = <T extends { readonly name: string }>(items: readonly T[] = []) =>
    new Map(items.map((item) => [item.name, item]));
  const extensions = parts.extensions ?? [];
  return {
    files: [],
    hash: 'hash',
    numbers: indexOf(parts.rules ?? []),
    rules: parts.rules ?? [],
    extensions: new Map(
      extensions.flatMap((one) => (typeof one.name === 'string' ? [[one.name, one] as const] : [])),
    ),
    extensionBlocks: extensions.filter((one) => typeof one.name !== 'string'),
    devices: byName(parts.devices),
    lists: new Map(Object.entries(parts.lists ?? {})),
    calendars: new Map(),
    hours: byName(parts.hours),
    menus: byName(parts.menus),
    queues: byName(parts.queues),
    mailboxes: new Map(),
    sites: byName(parts.sites),
    outbound: parts.outbound ?? [],
    routes: new Map(Object.entries(parts.routes ?? {})),
    rotas: new Map(),
    surveys: new Map(),
    conferences: byName(parts.conferences),
    tests: [],
    ...parts.plan,
  };
}

function indexOf(rules: readonly NumberRule[]): Plan['numbers'] {
  const index = createDidIndex<NumberRule>();
  for (const one of rules) for (const each of one.patterns) index.add(each, one);
  index.freeze();
  return index;
}

export function outside(dialed: string, fields: Partial<CallFacts> = {}): CallFacts {
  return {
    callId: 'call-1',
    direction: 'inbound',
    dialed,
    dialedRaw: dialed,
    caller: '+12125550000',
    callerRaw: '+12125550000',
    anonymous: false,
    trunk: 'acme',
    headers: {},
    at: Date.UTC(2026, 10, 24, 15, 0),
    seed: 7,
    ...fields,
  };
}

export function inside(extensionName: string, dialed: string, fields: Partial<CallFacts> = {}): CallFacts {
  const { trunk, ...facts } = outside(dialed);
  if (trunk === undefined) throw new Error('calls from outside have a trunk');
  return {
    ...facts,
    direction: 'internal',
    caller: extensionName,
    callerRaw: extensionName,
    extension: extensionName,
    device: extensionName,
    ...fields,
  };
}

export function world(fields: Partial<MachineWorld> = {}): MachineWorld {
  return { now: Date.UTC(2026, 10, 24, 15, 0), hoursOverride: () => undefined, random: () => 0.5, ...fields };
}

export type { Outcome };
