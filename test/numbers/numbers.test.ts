import fc from 'fast-check';
import t from 'tap';
import { DEFAULT_RECEIVE_FORMS, type NumberForm, type NumberRules } from '../../src/model/index.js';
import {
  comparePatterns,
  createDidIndex,
  findCountry,
  formatNumber,
  knownCountries,
  matchesPattern,
  normalizeNumber,
  numberFromUri,
  parsePattern,
  showPattern,
  type NumberPattern,
} from '../../src/numbers/index.js';
import { parseUri } from '../../src/sip/index.js';

function rules(country: string, changes: Partial<NumberRules> = {}): NumberRules {
  return { country, receive: DEFAULT_RECEIVE_FORMS, send: '+e164', ...changes };
}

function pattern(text: string): NumberPattern {
  const parsed = parsePattern(text);
  if ('error' in parsed) throw new Error(`${text}: ${parsed.error}`);
  return parsed;
}

void t.test('numbers of many countries are read in the forms peers write them', (t) => {
  const us = rules('US', { areaCode: '202' });
  const forms: readonly (readonly [raw: string, rules: NumberRules, expected: string | undefined])[] = [
    ['+12025550100', us, '+12025550100'],
    ['+1 (202) 555-01.00', us, '+12025550100'],
    ['%2B12025550100', us, '+12025550100'],
    ['0012025550100', us, '+12025550100'],
    ['0114930123456', us, '+4930123456'],
    ['12025550100', us, '+12025550100'],
    ['2025550100', us, '+12025550100'],
    ['1025550100', us, undefined],
    ['5550100', us, undefined],
    ['5550100', { ...us, receive: ['national', 'local'] }, '+12025550100'],
    ['12025550100', rules('DE', { receive: ['e164'] }), '+12025550100'],
    ['030123456', rules('DE'), '+4930123456'],
    ['30123456', rules('DE'), undefined],
    ['02079460000', rules('GB'), '+442079460000'],
    ['0612345678', rules('FR'), '+33612345678'],
    ['612345678', rules('ES'), '+34612345678'],
    ['0612345678', rules('IT'), '+390612345678'],
    ['8 495 123-45-67', rules('RU'), '+74951234567'],
    ['+12025550100;npdi;rn=+12025559999', us, '+12025550100'],
    ['203', us, undefined],
    ['203', { ...us, receive: ['+e164', 'short'] }, '203'],
    ['*97', { ...us, receive: ['short'] }, '*97'],
    ['anonymous', us, undefined],
    ['', us, undefined],
    ['+', us, undefined],
    ['+0123456', us, undefined],
    ['+1234567890123456', us, undefined],
    ['9'.repeat(5000), us, undefined],
    ['2025550100', rules('ZZ'), undefined],
  ];
  for (const [raw, by, expected] of forms)
    t.equal(normalizeNumber(raw, by), expected, `${raw.slice(0, 40)} in ${by.country}`);
  t.end();
});

void t.test('URIs: sip with user=phone and RFC 4694 parts, tel with its context', (t) => {
  const us = rules('US');
  const read = (text: string) => numberFromUri(parseUri(text)!, us);
  t.equal(read('sip:+12025550100@192.0.2.1;user=phone'), '+12025550100');
  t.equal(read('sip:%2B12025550100@192.0.2.1'), '+12025550100');
  t.equal(read('sip:+12025550100;npdi;rn=+12025559999@192.0.2.1;user=phone'), '+12025550100');
  t.equal(read('tel:+1-202-555-0100;npdi;rn=+1-202-555-9999'), '+12025550100');
  t.equal(read('tel:5550100;phone-context=+1202'), '+12025550100');
  t.equal(read('tel:5550100;phone-context=example.com'), undefined);
  t.equal(read('sip:192.0.2.1'), undefined);
  t.end();
});

void t.test('numbers are written in the form a trunk wants', (t) => {
  const write = (send: NumberForm, number = '+12025550100', country = 'US') =>
    formatNumber(number, rules(country, { send, areaCode: '202' }));
  t.equal(write('+e164'), '+12025550100');
  t.equal(write('e164'), '12025550100');
  t.equal(write('00e164'), '0012025550100');
  t.equal(write('national'), '2025550100');
  t.equal(write('local'), '5550100');
  t.equal(write('national', '+4930123456'), '0114930123456');
  t.equal(write('national', '+4930123456', 'DE'), '030123456');
  t.equal(write('national', '911'), '911', 'what is not E.164 stays as it is');
  for (const name of knownCountries()) t.ok(/^[1-9]\d{0,2}$/.test(findCountry(name)!.code), name);
  t.end();
});

void t.test('patterns are read, shown and matched; what is none says why', (t) => {
  t.same(pattern('+1 (202) 555-0100'), { kind: 'exact', number: '+12025550100' });
  t.same(pattern('+12025550200..+12025550299'), { kind: 'range', lo: '+12025550200', hi: '+12025550299' });
  t.same(pattern('+1800555*'), { kind: 'prefix', prefix: '+1800555' });
  t.match(pattern('+1202[2-9]xx0100'), { kind: 'pattern', literals: 8 });
  for (const text of ['+12025550100', '201..299', '+49*', '+1202[2-9]xx', '*97'])
    t.equal(showPattern(pattern(text)), text);
  t.ok(matchesPattern(pattern('+1202[2-9]xx'), '+1202299'));
  t.notOk(matchesPattern(pattern('+1202[2-9]xx'), '+1202199'));
  t.notOk(matchesPattern(pattern('+1202[2-9]xx'), '+12022999'), 'patterns are anchored');
  t.notOk(matchesPattern(pattern('1xx'), '+12'));
  t.notOk(matchesPattern(pattern('201..299'), '2015'));
  const wrong = [
    '',
    '201..',
    '299..201',
    '1..22',
    '+1202[2-',
    '[9-2]xx',
    '12a',
    '1'.repeat(33),
    '+',
    '4.93E+11',
  ];
  for (const text of wrong) t.type((parsePattern(text) as { error?: string }).error, 'string', text);
  t.end();
});

void t.test('exact goes before range before prefix before pattern, and the tighter one first', (t) => {
  const index = createDidIndex<string>();
  const order = [
    '+12025550150',
    '+12025550150..+12025550151',
    '+12025550100..+12025550199',
    '+12025550*',
    '+1202*',
    '+12025550x5x',
    '+1202555xxxx',
  ];
  for (const text of [...order].reverse()) index.add(pattern(text), text);
  index.add(pattern('+12025550150'), 'second');
  index.freeze();
  t.same(
    index.lookup('+12025550150').map(({ value }) => value),
    ['+12025550150', 'second', ...order.slice(1)],
  );
  t.same(index.lookup('+19995550150'), []);
  t.equal(index.size, 8);
  t.throws(() => index.add(pattern('1'), 'late'));
  t.end();
});

void t.test('a wide range over many narrow ones, or many patterns, slow nothing down', (t) => {
  const index = createDidIndex<number>();
  index.add(pattern('+12000000000..+12999999999'), -1);
  for (let i = 0; i < 50_000; i++) {
    const lo = 2_000_000_000 + i * 10;
    index.add({ kind: 'range', lo: `+1${lo}`, hi: `+1${lo + 9}` }, i);
    index.add(pattern(`+1${String(lo).slice(0, 9)}[2-9]x`), -2);
  }
  index.freeze();
  t.same(
    index.lookup('+12000400005').map(({ value }) => value),
    [40_000, -1],
  );
  const begin = process.cpuUsage();
  for (let i = 0; i < 20_000; i++) index.lookup(`+1${2_000_500_000 + i}`);
  const { user, system } = process.cpuUsage(begin);
  t.ok((user + system) / 1000 < 400, `${((user + system) / 20_000).toFixed(2)} µs a look-up`);
  t.equal(index.nearest('2000400005'), '+12000400005 differs by a leading +1');
  t.same(index.lookup('+1200040000*'), []);
  t.end();
});

void t.test('numbers of any length and with star stay apart', (t) => {
  const index = createDidIndex<string>();
  const numbers = [
    '412',
    '0412',
    '+412',
    '00412',
    '*97',
    '12345678901234567890',
    '123456789012345',
    '+123456789012345',
    '0',
  ];
  for (const number of numbers) index.add(pattern(number), number);
  index.freeze();
  for (const number of numbers)
    t.same(
      index.lookup(number).map(({ value }) => value),
      [number],
      number,
    );
  t.same(index.lookup('+0412'), []);
  t.end();
});

void t.test('a near miss is named with its difference', (t) => {
  const index = createDidIndex<number>();
  index.add(pattern('+12025550100'), 1);
  index.add(pattern('+12025550200..+12025550299'), 2);
  index.freeze();
  t.equal(index.nearest('2025550100'), '+12025550100 differs by a leading +1');
  t.equal(index.nearest('12025550100'), '+12025550100 differs by a leading +');
  t.equal(index.nearest('+12025550010'), '+12025550100 has its digits 9 and 10 swapped');
  t.equal(index.nearest('+12025550500'), '+12025550100 differs in digit 9');
  t.equal(index.nearest('+1202555010'), '+12025550100 has one digit more');
  t.equal(index.nearest('+4930123'), undefined);
  t.end();
});

void t.test(
  'property: the index finds what a plain search over all patterns finds, in the order of precedence',
  (t) => {
    const digits = fc.stringMatching(/^\+?[1-4]{1,4}$/);
    const text = fc.oneof(
      digits,
      digits.map((number) => `${number}*`),
      fc
        .tuple(fc.stringMatching(/^[1-4]{3}$/), fc.stringMatching(/^[1-4]{3}$/))
        .map((ends) => ends.sort().join('..')),
      fc.stringMatching(/^\+?[1-4x]{1,3}\[[1-2]-[3-4]\]$/),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 30 }), digits, (texts, number) => {
        const index = createDidIndex<number>();
        const patterns = texts.map(pattern);
        patterns.forEach((each, position) => index.add(each, position));
        index.freeze();
        const found = index.lookup(number).map(({ value }) => value);
        const expected = patterns
          .map((each, position) => ({ each, position }))
          .filter(({ each }) => matchesPattern(each, number));
        const sorted = found.map((position) => patterns[position]!);
        const inOrder = sorted.every(
          (each, place) => place === 0 || comparePatterns(sorted[place - 1]!, each) <= 0,
        );
        return (
          inOrder &&
          found.length === expected.length &&
          expected.every(({ position }) => found.includes(position))
        );
      }),
    );
    fc.assert(
      fc.property(
        fc.string(),
        (anything) => 'error' in parsePattern(anything) || showPattern(pattern(anything)) !== '',
      ),
    );
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...knownCountries()), (raw, country) => {
        const number = normalizeNumber(
          raw,
          rules(country, { receive: ['+e164', '00e164', 'national', 'e164'] }),
        );
        return number === undefined || /^\+[1-9]\d{3,14}$/.test(number);
      }),
    );
    t.end();
  },
);
