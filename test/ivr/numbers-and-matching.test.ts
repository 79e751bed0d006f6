import fc from 'fast-check';
import t from 'tap';
import { silentLogger } from '../../src/base/logger.js';
import { createDialMatcher, spokenIn, waitRange } from '../../src/ivr/index.js';
import type { PromptRequest } from '../../src/media/index.js';
import { SYSTEM_TEXTS } from '../../src/media/prompts/index.js';
import { runMenu } from '../../src/ivr/menu.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { createFakeSession, ending, fakePrompts } from './fake-session.js';

const english = spokenIn('en-GB');

/** The words of what is said. */
function words(prompts: readonly PromptRequest[]): string {
  return prompts
    .map((prompt) => (prompt.kind === 'system' ? SYSTEM_TEXTS[prompt.name] : '?'))
    .join(' ')
    .replaceAll('.', '');
}

/** What a listener makes of a number's words. */
function understood(text: string): number {
  const values = new Map(Object.entries(SYSTEM_TEXTS).map(([name, word]) => [word as string, Number(name)]));
  let total = 0;
  let part = 0;
  for (const word of text.split(' ')) {
    if (word === 'and') continue;
    if (word === 'hundred') part *= 100;
    else if (word === 'thousand') {
      total += part * 1000;
      part = 0;
    } else part += values.get(word) ?? Number.NaN;
  }
  return total + part;
}

t.test('every number up to a million is said so that a listener understands that number', (t) => {
  for (let value = 0; value < 1_000_000; value += value < 2000 ? 1 : 37) {
    const said = words(english.number(value));
    if (understood(said) !== value) t.equal(understood(said), value, said);
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999 }), (value) => {
      const said = words(english.number(value));
      return understood(said) === value && !/^and\b|\band$|zero ./.test(said);
    }),
    { numRuns: 5000 },
  );
  t.equal(words(english.number(105)), 'one hundred and five');
  t.equal(words(english.number(342_017)), 'three hundred and forty two thousand and seventeen');
  t.equal(words(english.number(1_000_000)), 'one zero zero zero zero zero zero', 'beyond, digit by digit');
  t.same(english.number(-1), []);
  t.same(english.number(Number.NaN), []);
  t.end();
});

t.test('numbers to call, positions, waits and messages are whole sentences', (t) => {
  t.equal(
    words(english.digits('+1 (202) 555-0100')),
    'plus one two zero two five five five zero one zero zero',
  );
  t.equal(words(english.digits('*97#x')), 'star nine seven pound');
  t.equal(english.digits('9'.repeat(500)).length, 40);
  t.equal(words(english.position(1)), 'You are next in line');
  t.equal(words(english.position(12)), 'You are number twelve in line');
  t.equal(words(english.waited(130_000)), 'waited two minutes');
  t.equal(words(english.waited(59_999)), 'waited less than a minute');
  t.equal(words(english.waited(3 * 3_600_000)), 'waited three hours');
  t.equal(words(english.messages({ new: 1, saved: 0 })), 'You have one new message');
  t.equal(words(english.messages({ new: 2, saved: 1 })), 'You have two new messages and one saved message');
  t.equal(words(english.messages({ new: 0, saved: 0 })), 'You have no messages');
  t.equal(spokenIn('xx'), english, 'a language that is not known is English');
  t.equal(spokenIn('__proto__'), english);
  t.end();
});

t.test('a wait is said as an honest range', (t) => {
  const said = (low: number, high: number): string =>
    words(english.expectedWait(waitRange(low * 60_000, high * 60_000)));
  t.equal(said(0, 0.5), 'Your estimated wait is less than a minute');
  t.equal(said(6, 8), 'Your estimated wait is between five and ten minutes');
  t.equal(said(5, 5), 'Your estimated wait is between five and ten minutes', 'an exact one, too');
  t.equal(said(0.2, 4), 'Your estimated wait is less than five minutes');
  t.equal(said(25, 90), 'Your estimated wait is more than twenty minutes');
  t.equal(said(70, 90), 'Your estimated wait is more than one hour');
  t.equal(said(0, 90), '', 'from none to beyond an hour: nothing is said');
  t.equal(said(Number.NaN, 3), '');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 7_200_000 }), fc.integer({ min: 0, max: 7_200_000 }), (a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const range = waitRange(low, high);
      switch (range?.kind) {
        case undefined:
          return high >= 3_600_000;
        case 'under':
          return high < range.minutes * 60_000;
        case 'between':
          return range.from < range.to && range.from * 60_000 <= low && high < range.to * 60_000;
        case 'over':
          return range.minutes * 60_000 <= low;
      }
    }),
  );
  t.end();
});

const anyKey = fc.constantFrom('0', '1', '2', '9', '*', '#');

type Name = string | { lo: string; hi: string };

const anyName: fc.Arbitrary<Name> = fc.oneof(
  fc.string({ unit: fc.constantFrom('0', '1', '2', '9', '*', '#', 'a'), minLength: 1, maxLength: 4 }),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(999), fc.nat(40)).map(([length, from, size]) => {
    const lo = from % 10 ** length;
    const hi = Math.min(lo + size, 10 ** length - 1);
    return { lo: String(lo).padStart(length, '0'), hi: String(hi).padStart(length, '0') };
  }),
);

function expanded(names: readonly Name[]): string[] {
  return names.flatMap((name) => {
    if (typeof name === 'string') return /^[0-9*#]+$/.test(name) ? [name] : [];
    const all: string[] = [];
    for (let value = Number(name.lo); value <= Number(name.hi); value++)
      all.push(String(value).padStart(name.lo.length, '0'));
    return all;
  });
}

const anyDigits = fc.string({ unit: anyKey, maxLength: 5 });

t.test('what can be dialled is what a list of all of it says', (t) => {
  fc.assert(
    fc.property(
      fc.array(anyName, { maxLength: 12 }),
      fc.array(anyDigits, { maxLength: 20 }),
      (names, tries) => {
        const matcher = createDialMatcher(names);
        const all = expanded(names);
        for (const digits of [...tries, ...all.slice(0, 20)]) {
          if (matcher.matches(digits) !== all.includes(digits)) return false;
          const longer = all.some((one) => one.length > digits.length && one.startsWith(digits));
          if (matcher.continues(digits) !== longer) return false;
        }
        return matcher.longest === Math.max(0, ...all.map((one) => one.length));
      },
    ),
    { numRuns: 2000 },
  );
  const large = createDialMatcher(Array.from({ length: 300_000 }, (_, index) => String(100_000 + index)));
  t.same(
    [
      large.longest,
      large.matches('399999'),
      large.matches('400000'),
      large.continues('39'),
      large.continues('4'),
    ],
    [6, true, false, true, false],
  );
  t.end();
});

t.test('a menu takes the entry that a patient listener would', async () => {
  const anyPress = fc.array(fc.record({ digit: anyKey, slow: fc.boolean() }), {
    maxLength: 5,
  });
  const anyKeys = fc.array(fc.string({ unit: anyKey, minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 6,
  });
  const anyExtensions = fc.option(fc.array(anyName, { maxLength: 5 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(anyKeys, anyExtensions, anyPress, async (keys, extensions, presses) => {
      const clock = createFakeClock();
      const session = createFakeSession({ clock });
      const menu = runMenu(
        { prompts: fakePrompts, clock, logger: silentLogger },
        session,
        {
          prompt: [{ kind: 'file', file: 'menu' }],
          keys,
          attempt: 1,
          bargeIn: true,
          timeoutMs: 5000,
          digitTimeoutMs: 2000,
          ...(extensions !== undefined && { extensions: createDialMatcher(extensions) }),
        },
        new AbortController().signal,
      );
      let at = 500;
      for (const { digit, slow } of presses) {
        clock.after(at, () => session.press(digit));
        at += slow ? 2500 : 300;
      }
      return (
        JSON.stringify(await ending(menu, session, clock)) ===
        JSON.stringify(patient(keys, extensions ?? [], presses))
      );
    }),
    { numRuns: 150 },
  );
});

/** The oracle: collects digits one by one, and looks each time through all there is. */
function patient(
  keys: readonly string[],
  extensions: readonly Name[],
  presses: readonly { readonly digit: string; readonly slow: boolean }[],
): unknown {
  const all = [...keys, ...expanded(extensions)];
  const hashEnds = !all.some((one) => one.includes('#'));
  let digits = '';
  let ended = false;
  for (const { digit, slow } of presses) {
    if (digit === '#' && hashEnds) {
      ended = true;
      break;
    }
    digits += digit;
    if (slow || !all.some((one) => one.length > digits.length && one.startsWith(digits))) break;
  }
  if (all.includes(digits)) return { kind: 'done', digits };
  return digits === '' && !ended ? { kind: 'no-input' } : { kind: 'invalid', digits };
}
