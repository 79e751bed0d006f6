import { begin, createWorld } from '../src/dialplan/index.js';
import type { Plan } from '../src/dialplan/index.js';
import type { CallFacts } from '../src/model/index.js';
import { createDidIndex } from '../src/numbers/index.js';

type Rule = Plan['rules'][number];
type Extension = Plan['extensionBlocks'][number];

const DIDS = 100_000;
const WARM_UP = 50_000;
const CALLS = 200_000;
const ROUNDS = 5;

/** One call in, from its DID to the action that rings the extension: nanoseconds of CPU for each `begin`, the best of five rounds. */
export function benchMachine(): { readonly nsPerBegin: number } {
  const plan = buildPlan();
  const calls = Array.from({ length: 1000 }, (_, index) => facts(index));
  const world = createWorld({ now: calls[0]!.at, seed: 1 });
  let connects = 0;
  const run = (count: number): void => {
    for (let index = 0; index < count; index++) {
      if (begin(plan, calls[index % calls.length]!, world).action.kind === 'connect') connects++;
    }
  };
  run(WARM_UP);
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    run(CALLS);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, ((user + system) * 1000) / CALLS);
  }
  if (connects !== WARM_UP + ROUNDS * CALLS) throw new Error('a call did not reach its extension');
  return { nsPerBegin: best };
}

/** A hundred thousand DIDs with a rule each, in front of a block of extensions on a PBX. */
function buildPlan(): Plan {
  const rules: Rule[] = [];
  const numbers = createDidIndex<Rule>();
  for (let index = 0; index < DIDS; index++) {
    const place = { file: 'main.yaml', line: index + 1, column: 5 };
    const rule: Rule = {
      place,
      patterns: [{ kind: 'exact', number: did(index) }],
      route: [
        {
          place,
          verb: 'extension',
          extension: { kind: 'dnis', digits: 3, prefix: '' },
          callerId: { kind: 'keep' },
          forwards: true,
          ifOutcome: {},
        },
      ],
    };
    rules.push(rule);
    for (const pattern of rule.patterns) numbers.add(pattern, rule);
  }
  numbers.freeze();
  const block: Extension = {
    place: { file: 'extensions.yaml', line: 2, column: 3 },
    name: { lo: '000', hi: '999' },
    where: { kind: 'trunk', trunk: 'hq-pbx' },
    forward: {},
    forMs: 20_000,
  };
  return {
    files: [],
    hash: '',
    numbers,
    rules,
    extensions: new Map(),
    extensionBlocks: [block],
    devices: new Map(),
    lists: new Map(),
    calendars: new Map(),
    hours: new Map(),
    menus: new Map(),
    queues: new Map(),
    mailboxes: new Map(),
    sites: new Map(),
    outbound: [],
    routes: new Map(),
    rotas: new Map(),
    surveys: new Map(),
    conferences: new Map(),
    tests: [],
  };
}

function did(index: number): string {
  return `+1202${String(5_000_000 + index)}`;
}

function facts(index: number): CallFacts {
  const dialed = did((index * 7919) % DIDS);
  return {
    callId: 'bench',
    direction: 'inbound',
    dialed,
    dialedRaw: dialed,
    caller: '+12125550000',
    callerRaw: '+12125550000',
    anonymous: false,
    trunk: 'acme',
    headers: {},
    at: 1_795_000_000_000,
    seed: index,
  };
}
