import fc from 'fast-check';
import t from 'tap';
import { readDocument, type Node } from '../../src/base/document.js';
import {
  boolean,
  byKind,
  duration,
  entries,
  fields,
  integer,
  list,
  mapped,
  named,
  oneWordOf,
  rate,
  Reader,
  record,
  schemaDocument,
  size,
  text,
  type Shape,
} from '../../src/base/shape/index.js';

const env = (name: string): string | undefined => ({ SECRET: 's${x}', EMPTY: '' })[name];
const read = (source: string) => readDocument({ file: 'a.yaml', text: source, env });

interface Tree {
  readonly name: string;
  readonly below: readonly Tree[];
}
const tree: Shape<Tree> = named('tree', 'a tree', () =>
  byKind<Tree>({
    text: mapped(text(), (name) => ({ name, below: [] })),
    map: fields({
      name: { shape: text(), doc: 'Its name.', required: true },
      below: { shape: list(tree), doc: 'What hangs from it.', default: [] },
    }),
  }),
);
const sample = fields({
  on: { shape: boolean(), doc: 'On or off.', default: 'true' },
  count: { shape: integer({ min: 1, max: 9 }), doc: 'How many.' },
  wait: { shape: duration(), doc: 'How long.', default: '5s' },
  size: { shape: size(), doc: 'How big.' },
  rate: { shape: rate(), doc: 'How often.' },
  how: { shape: oneWordOf('all', 'in-order'), doc: 'How.' },
  digits: { shape: text({ digits: true, pattern: /^\d+$/, expected: 'digits' }), doc: 'Digits.' },
  tree: { shape: tree, doc: 'A tree.' },
  by: { shape: record(text(), integer()), doc: 'Named.' },
  rows: { shape: entries(text(), list(text(), { single: true, min: 1 })), doc: 'Rows.' },
});

/** The document without places, to compare. */
function plain(node: Node | undefined): unknown {
  if (node === undefined) return undefined;
  if (node.kind === 'text') return node.text;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key.text, plain(value)]));
}

/** `line:column code` of each finding. */
function found(source: string): string[] {
  return read(source).diagnostics.map(({ place, code }) => `${place.line}:${place.column} ${code}`);
}

t.test('every scalar is text, as written', (t) => {
  const { root, diagnostics } = read(
    'a: 0412\nb: +1202\nc: no\nd: 10:00\ne: "x"\nf: [1.0, ~, null]\ng:\n201: 0x1F\n',
  );
  t.same(diagnostics, []);
  t.same(plain(root), {
    a: '0412',
    b: '+1202',
    c: 'no',
    d: '10:00',
    e: 'x',
    f: ['1.0', '~', 'null'],
    g: '',
    201: '0x1F',
  });
  t.end();
});

t.test('nodes carry line and column', (t) => {
  const { root } = read('\uFEFFa:\r\n  - b: 1\r\n    "c": [x, yy]\r\n');
  const places: string[] = [];
  const walk = (node: Node): void => {
    places.push(`${node.kind} ${node.place.line}:${node.place.column}`);
    if (node.kind === 'list') node.items.forEach(walk);
    if (node.kind === 'map') {
      for (const { key, value } of node.entries) {
        walk(key);
        walk(value);
      }
    }
  };
  walk(root!);
  t.same(places, [
    'map 1:1',
    'text 1:1',
    'list 2:3',
    'map 2:5',
    'text 2:5',
    'text 2:8',
    'text 3:5',
    'list 3:10',
    'text 3:11',
    'text 3:14',
  ]);
  t.end();
});

t.test('the environment is put in once, variables of a call stay', (t) => {
  const source =
    'a: "${SECRET}"\nb: "${NONE:-change-me}"\nc: "to ${name}, $$5 ${row.city}"\nd: "$${x}"\ne: "${EMPTY:-d}"\nf: 5$\n';
  const { root, diagnostics } = read(source);
  t.same(diagnostics, []);
  t.same(plain(root), {
    a: 's${x}',
    b: 'change-me',
    c: 'to ${name}, $5 ${row.city}',
    d: '${x}',
    e: 'd',
    f: '5$',
  });
  const values = root?.kind === 'map' ? root.entries.map(({ value }) => value) : [];
  const [a, , c, d] = values;
  t.same(a?.kind === 'text' && [a.parts, a.fromEnvironment], [undefined, true]);
  t.same(c?.kind === 'text' && c.parts, ['to ', { variable: 'name' }, ', $5 ', { variable: 'row.city' }]);
  t.same(d?.kind === 'text' && d.parts, undefined);
  t.same(found('a: "${NONE}"\nb: "${oops"\nc: "${9}"\n'), [
    '1:4 missing-environment',
    '2:4 bad-variable',
    '3:4 bad-variable',
  ]);
  t.end();
});

t.test('what YAML has and the language lacks is refused at its place', (t) => {
  t.same(found('a: &x 1\nb: *x\n'), ['1:4 anchor', '2:4 alias']);
  t.same(
    found('a: !!int 3\nb: [!foo x]\n'),
    ['1:4 tag', '2:5 tag'].map((line) => line.replace('1:4', '1:5')),
  );
  t.same(found('a:\n  <<: { b: 1 }\n'), ['2:3 merge-key']);
  t.same(found('a: 1\nb: 2\n"a": 3\n'), ['3:1 duplicate-key']);
  t.same(found('? [a]\n: b\n'), ['1:3 bad-key']);
  t.same(found('a: 1\n---\nb: 2\n'), ['2:1 several-documents']);
  t.same(found('a: b: c\n'), ['1:4 syntax']);
  t.same(found('a: [\n'), ['2:1 syntax']);
  t.same(found('['.repeat(100_000)), ['1:1 too-deep']);
  t.same(found('- '.repeat(5000)), ['1:1 too-deep']);
  t.same(found(''), []);
  t.same(found('# only a comment\n'), []);
  t.end();
});

t.test('classic slips get a hint', (t) => {
  const hint = (source: string): string | undefined => read(source).diagnostics[0]?.hint;
  t.match(hint('dial: *97\n'), /quote it.*"\*97"/);
  t.match(hint('x: { say: Hi, press 1 }\n'), /quote a text that holds a comma/);
  t.match(hint('say: Hi: there\n'), /quote a text that holds ": "/);
  t.match(hint('a: @home\n'), /quote a text that begins with "@"/);
  t.match(hint('a:\n\t- b\n'), /spaces, not tabs/);
  t.match(hint('a: { n: ${NAME} }\n'), /quote a text that holds/);
  t.match(hint('a: [ #9 ]\n'), /began a comment/);
  t.match(hint('name: Room #9\n'), /quote the whole value/);
  const { root } = read('dial: #9\n');
  const reader = new Reader();
  t.equal(fields({ dial: { shape: text(), doc: '' } }).read(root!, reader), null);
  t.match(reader.diagnostics, [{ code: 'no-value', place: { line: 1 }, hint: /"#9" began a comment/ }]);
  t.end();
});

t.test('arbitrary text never throws, and what it holds has places inside the file', (t) => {
  const bits = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '*',
    '&x',
    '!',
    '#',
    '${',
    '}',
    '$',
    '|',
    '>',
    '\t',
    '?',
    ',',
    '---',
    '%',
    '\uD800',
    '\0',
    '<<',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.array(bits, { maxLength: 60 }).map((all) => all.join('')),
      ),
      (source) => {
        const { root, diagnostics } = read(source);
        const lines = source.split('\n').length;
        const reader = new Reader();
        if (root !== undefined) sample.read(root, reader);
        return [...diagnostics, ...reader.diagnostics].every(
          ({ place }) => place.line >= 1 && place.line <= lines + 1 && place.column >= 1,
        );
      },
    ),
    { numRuns: 1500 },
  );
  t.end();
});

t.test('shapes read short and long forms with their defaults', (t) => {
  const { root } = read(
    'count: 3\nsize: 10MB\nrate: 60/m\nhow: in-order\ndigits: 0412\ntree: { name: a, below: [b] }\nby: { x: 1 }\nrows: { r: one, s: [two, three] }\n',
  );
  const reader = new Reader();
  const value = sample.read(root!, reader);
  t.same(reader.diagnostics, []);
  t.match(value, {
    on: true,
    wait: 5000,
    count: 3,
    size: 10_000_000,
    rate: 1,
    how: 'in-order',
    digits: '0412',
  });
  t.same(value?.tree, { name: 'a', below: [{ name: 'b', below: [] }] });
  t.same([...value!.by!], [['x', 1]]);
  t.same(
    value?.rows?.map(({ key, value: row }) => [key, row]),
    [
      ['r', ['one']],
      ['s', ['two', 'three']],
    ],
  );
  t.end();
});

t.test('all that is wrong is reported, with place, expectation and the nearest name', (t) => {
  const source =
    'on: yes\ncount: 10\nwait: 5\nsize: big\nrate: 5\nhow: al\ndigits: "${x}"\ntree: { nam: a }\nby: [1]\nrows: { r: [] }\ncuont: 1\n';
  const { root } = read(source);
  const reader = new Reader();
  t.equal(sample.read(root!, reader), null);
  t.same(
    reader.diagnostics.map(({ place, code, hint }) =>
      `${place.line}:${place.column} ${code} ${hint ?? ''}`.trim(),
    ),
    [
      '1:5 unexpected write true',
      '2:8 unexpected',
      '3:7 unexpected',
      '4:7 unexpected',
      '5:7 unexpected',
      '6:6 unexpected did you mean "all"?',
      '7:9 variable-here variables may stand in text, number, header and URL fields',
      '8:9 unknown-key did you mean "name"?',
      '8:7 missing-key',
      '9:5 unexpected',
      '10:12 too-few',
      '11:1 unknown-key did you mean "count"?',
    ],
  );
  t.match(reader.diagnostics[1]?.message, /expected a whole number from 1 to 9, found "10"/);
  t.end();
});

t.test('shapes give a JSON Schema with descriptions, defaults and references', (t) => {
  const schema = schemaDocument(sample, 'Sample', 'https://example.com/sample.json');
  t.match(schema, {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: ['object', 'null'],
    additionalProperties: false,
    properties: {
      on: { type: 'boolean', description: 'On or off.', default: 'true' },
      digits: { type: ['string', 'number'] },
      tree: { $ref: '#/$defs/tree' },
      how: { enum: ['all', 'in-order'] },
    },
  });
  t.match(schema['$defs'], {
    tree: { anyOf: [{ type: ['string', 'number'] }, { type: 'object', required: ['name'] }] },
  });
  t.end();
});
