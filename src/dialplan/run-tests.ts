import type { Diagnostic } from '../base/diagnostic.js';
import type { CallFacts, TraceEntry } from '../model/index.js';
import { matchesPattern } from '../numbers/index.js';
import { drawOf } from './draw.js';
import { bareName } from './find-extension.js';
import { imagineCall } from './imagined-call.js';
import type { ImaginedCallResult, SentLeg, StepRun } from './imagined-call.js';
import type { MachineWorld } from './machine.js';
import type { Plan, PlanTest, StepPicture } from './plan.js';

/** How one test went. The loader has made one test of each row of a `for-each`. */
export interface PlanTestResult {
  readonly test: PlanTest;
  readonly passed: boolean;
  /** What was expected and did not come, a sentence each. */
  readonly failures: readonly string[];
  /** The steps that ran, and how the call ended. */
  readonly got: readonly string[];
  readonly trace: readonly TraceEntry[];
}

/** Time of a test that names none; hours then make it fail, since its result would change with the day. */
const NO_TIME = Date.UTC(2000, 0, 3, 12);
const TEST_SEED = 1;

/** Runs the plan's tests, each against the machine in virtual time: the same plan, the same results. */
export function runPlanTests(plan: Plan): PlanTestResult[] {
  return plan.tests.map((test) => runOne(plan, test));
}

/** Failing tests as errors of the plan that holds them. */
export function testDiagnostics(results: readonly PlanTestResult[]): Diagnostic[] {
  return results
    .filter((result) => !result.passed)
    .map((result) => ({
      severity: 'error',
      code: 'test-failed',
      message: `test "${result.test.name}" fails: ${result.failures.join('; ')}`,
      place: result.test.place,
      hint: `it went ${result.got.join(' → ')}`,
    }));
}

function runOne(plan: Plan, test: PlanTest): PlanTestResult {
  let asked = hasDatedRule(plan, test);
  const world: MachineWorld = {
    get now() {
      asked = true;
      return test.call.at ?? NO_TIME;
    },
    hoursOverride: () => undefined,
    random: (purpose) => drawOf(TEST_SEED, purpose),
    turn: () => 0,
  };
  const call = imagineCall(plan, factsOf(test), { press: test.press, given: test.given }, world);
  const failures = failuresOf(test, call);
  if (asked && test.call.at === undefined) {
    failures.unshift('the time decides here, so the test has to name one: at: "2026-11-24 10:00"');
  }
  return { test, passed: failures.length === 0, failures, got: describe(call), trace: call.trace };
}

function factsOf(test: PlanTest): CallFacts {
  const { call } = test;
  const common = { callId: 'test', headers: {}, at: call.at ?? NO_TIME, seed: TEST_SEED };
  if (call.kind === 'inside') {
    const caller = call.extension ?? call.device ?? '';
    return {
      ...common,
      direction: 'internal',
      dialed: call.dial,
      dialedRaw: call.dial,
      caller: bareName(caller),
      callerRaw: caller,
      anonymous: false,
      ...(call.extension === undefined ? {} : { extension: call.extension }),
      ...(call.device === undefined ? {} : { device: call.device }),
      ...(caller.includes('/') ? { tenant: caller.slice(0, caller.lastIndexOf('/')) } : {}),
    };
  }
  const anonymous = call.from === 'anonymous';
  return {
    ...common,
    direction: 'inbound',
    dialed: call.to,
    dialedRaw: call.to,
    ...(call.from === undefined || anonymous ? {} : { caller: call.from }),
    callerRaw: call.from ?? '',
    anonymous,
    ...(call.trunk === undefined ? {} : { trunk: call.trunk }),
  };
}

/** Whether a rule for the number called has dates: which one counts depends on the day then. */
function hasDatedRule(plan: Plan, test: PlanTest): boolean {
  const { call } = test;
  if (call.kind === 'inside') return false;
  return plan.rules.some(
    (rule) =>
      (rule.since !== undefined || rule.until !== undefined) &&
      rule.patterns.some((pattern) => matchesPattern(pattern, call.to)),
  );
}

function failuresOf(test: PlanTest, call: ImaginedCallResult): string[] {
  const { expect } = test;
  const failures: string[] = [];
  if (expect.end !== undefined) {
    const last = call.steps.at(-1);
    if (last === undefined || !shows(expect.end, last)) {
      failures.push(
        `expected to end at ${showPicture(expect.end)}, ended at ${last === undefined ? 'no step' : showRun(last)}`,
      );
    }
  }
  const missing = missingInOrder(expect.path ?? [], call.steps, shows);
  if (missing !== undefined) failures.push(`expected ${showPicture(missing)} on the way`);
  for (const picture of expect.never ?? []) {
    if (call.steps.some((run) => shows(picture, run)))
      failures.push(`expected never ${showPicture(picture)}`);
  }
  const { stopped } = call;
  if (expect.status !== undefined && !(stopped.kind === 'end' && stopped.action.status === expect.status)) {
    failures.push(`expected status ${expect.status}, got ${endOf(call)}`);
  }
  const lastSent = call.sent.at(-1);
  if (expect.sent !== undefined && (lastSent === undefined || !isSent(expect.sent, lastSent))) {
    const sent = call.sent.map(showSent).join('; ');
    failures.push(
      `expected to send ${showExpectedSent(expect.sent)}, sent ${sent === '' ? 'nothing' : sent}`,
    );
  }
  const unheard = missingInOrder(expect.heard ?? [], call.heard, (wanted, heard) => wanted === heard);
  if (unheard !== undefined) {
    failures.push(
      `expected to hear "${unheard}", heard ${call.heard.map((one) => `"${one}"`).join(', ') || 'nothing'}`,
    );
  }
  return failures;
}

/** The first of `wanted` that does not come, in order, within `items`. */
function missingInOrder<W, I>(
  wanted: readonly W[],
  items: readonly I[],
  fits: (wanted: W, item: I) => boolean,
): W | undefined {
  let at = 0;
  for (const one of wanted) {
    while (at < items.length && !fits(one, items[at]!)) at++;
    if (at === items.length) return one;
    at++;
  }
  return undefined;
}

function shows(picture: StepPicture, run: StepRun): boolean {
  return (
    picture.verb === run.verb &&
    valuesMatch(valueOf(picture), run.value) &&
    (picture.is === undefined || picture.is === (run.is ?? 'done'))
  );
}

/** A test of a tenant writes names without the tenant, as its file does. */
function valuesMatch(wanted: string, got: string): boolean {
  return wanted === got || wanted === got.split(', ').map(bareName).join(', ');
}

function valueOf(picture: StepPicture): string {
  return typeof picture.value === 'string' ? picture.value : picture.value.join(', ');
}

function isSent(expected: NonNullable<PlanTest['expect']['sent']>, leg: SentLeg): boolean {
  return (
    (expected.trunk === undefined || expected.trunk === leg.trunk) &&
    (expected.number === undefined || expected.number === leg.number) &&
    (expected.callerId === undefined || expected.callerId === leg.callerId)
  );
}

function describe(call: ImaginedCallResult): string[] {
  return [...call.steps.map(showRun), ...call.sent.map((leg) => `sent ${showSent(leg)}`), endOf(call)];
}

function endOf(call: ImaginedCallResult): string {
  const { stopped } = call;
  switch (stopped.kind) {
    case 'end':
      return `status ${stopped.action.status}`;
    case 'connected':
      return `connected to ${stopped.to}`;
    case 'needs-input':
      return 'no more input';
    case 'caller-left':
      return 'the caller left';
  }
}

function showPicture(picture: StepPicture): string {
  return `${picture.verb}: ${valueOf(picture)}${picture.is === undefined ? '' : ` (${picture.is})`}`;
}

function showRun(run: StepRun): string {
  return `${run.verb}: ${run.value}${run.is === undefined ? '' : ` (${run.is})`}`;
}

function showSent(leg: SentLeg): string {
  return `${leg.number} over ${leg.trunk} as ${leg.callerId}`;
}

function showExpectedSent(sent: NonNullable<PlanTest['expect']['sent']>): string {
  const parts = [
    sent.number ?? 'a number',
    ...(sent.trunk === undefined ? [] : [`over ${sent.trunk}`]),
    ...(sent.callerId === undefined ? [] : [`as ${sent.callerId}`]),
  ];
  return parts.join(' ');
}
