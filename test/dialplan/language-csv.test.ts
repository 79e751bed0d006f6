import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { loadDialplan } from '../../src/dialplan/index.js';
import { fits } from '../../src/dialplan/machine-matcher.js';
import { parseCsv } from '../../src/dialplan/language/csv.js';
import { PieceCollector, piecesOf } from '../../src/dialplan/language/parse-pieces.js';
import { parseDocuments, parseTables } from '../../src/dialplan/language/parse-files.js';
import { codes, found, load, WORLD } from './language-helpers.js';

const PLAN = `${WORLD}routes: { fax: { say: "\${row.city}" } }\nnumbers: [{ import: d.csv }]\n`;
const csv = (text: string): Record<string, string> => ({ 'a.yaml': PLAN, 'd.csv': text });

t.test('rows become rules, further columns variables of the row', (t) => {
  const text = [
    'DID,Name,Route,City',
    '+12025550100,Sales,queue:sales,Bern',
    '+12025550101,"Lee, Ann",extension:201,"Two\nlines"',
    '',
    '+12025550102,,goto:fax,x',
    '+1202555011x,,menu:main,x',
    '+12025550120..+12025550129,,voicemail:front-desk,x',
    '+1203*,,trunk:acme,x',
    '+12025550130,,reject:603,x',
    '+12025550131,,busy,x',
    '+12025550132,, extension: 305 ,x',
  ].join('\n');
  const { plan, diagnostics } = load(csv(text));
  t.same(diagnostics, []);
  t.match(plan?.rules, [
    {
      name: 'Sales',
      place: { file: 'd.csv', line: 2, column: 1 },
      row: { city: 'Bern' },
      route: [{ queue: 'sales' }],
    },
    {
      name: 'Lee, Ann',
      place: { line: 3 },
      row: { city: 'Two\nlines' },
      route: [{ extension: { name: '201' } }],
    },
    { name: undefined, place: { line: 6 }, route: [{ route: 'fax' }] },
    { place: { line: 7 }, patterns: [{ kind: 'pattern' }], route: [{ menu: 'main' }] },
    { patterns: [{ kind: 'range' }], route: [{ mailbox: 'front-desk' }] },
    {
      patterns: [{ kind: 'prefix' }],
      route: [{ trunks: ['acme'], number: { parts: [{ variable: 'did' }] } }],
    },
    { route: [{ status: 603 }] },
    { route: [{ verb: 'busy' }] },
    { route: [{ extension: { name: '305' } }] },
  ]);
  t.end();
});

t.test('files of spreadsheets are read: byte order mark, semicolons, tabs, CR LF', (t) => {
  for (const text of [
    '\uFEFFdid;name;route;city\r\n+12025550100;A;queue:sales;Bern\r\n',
    'did\tname\troute\tcity\r+12025550100\tA\tqueue:sales\tBern\r',
    'did,name,route,city\r\n\r\n+12025550100,A,queue:sales,Bern',
  ]) {
    const { plan, diagnostics } = load(csv(text));
    t.same(diagnostics, []);
    t.match(plan?.rules, [{ name: 'A', row: { city: 'Bern' } }]);
    t.match(plan?.rules[0]?.place.line, text.includes('\r\n\r\n') ? 3 : 2);
  }
  t.end();
});

t.test('what is wrong with a row is told with its line and column', (t) => {
  t.same(
    found(csv('did,route\n4.93E+11,busy\n+1,busy\n+12025550100,queue:sale\n+2,queu:sales\n+y,busy\n,busy\n')),
    [
      'd.csv:2:1 spreadsheet-number | format the column as text and export it again',
      'd.csv:4:14 unknown-queue | did you mean "sales"?',
      'd.csv:5:4 bad-route | did you mean "queue"?',
      'd.csv:6:1 bad-pattern',
      'd.csv:7:1 bad-pattern',
    ],
  );
  t.match(found(csv('dids,route\n+1,busy\n')), [/^d\.csv:1:1 missing-column/]);
  t.match(found(csv('did,name\n+1,busy\n')), [/^d\.csv:1:1 missing-column/]);
  t.same(codes(csv('did,route,did\n+1,busy,+1\n')), ['d.csv:1:1 duplicate-key']);
  t.same(codes(csv('did,route\n+1,busy,extra\n')), ['d.csv:2:1 bad-csv']);
  t.same(codes(csv('did,route\n"+1,busy\n')).slice(0, 1), ['d.csv:2:1 bad-csv']);
  t.same(codes(csv('')), ['d.csv:1:1 bad-csv']);
  t.same(
    found({ 'a.yaml': PLAN, 'dd.csv': 'x' }).filter((line) => line.includes('missing-import')),
    ['11:21 missing-import | did you mean "dd.csv"?'],
  );
  const many = codes(csv(`did,route\n${'nonsense,busy\n'.repeat(5000)}`));
  t.equal(many.length, 51);
  t.equal(many.filter((line) => line === 'd.csv:51:1 too-many-errors').length, 1);
  t.end();
});

t.test('an import gives its rows what they have in common, a route too', (t) => {
  const { plan, diagnostics } = load({
    'a.yaml': `timezone: UTC\nextensions: { "201": { trunk: acme } }\nnumbers:\n  - { import: d.csv, from: anonymous, since: 2026-01-01, priority: 3, route: { say: "\${row.city}" } }\n`,
    'd.csv': 'did,route,city\n+1202,,Bern\n+1203,extension:201,Basel\n',
  });
  t.same(diagnostics, []);
  t.match(plan?.rules, [
    {
      from: { kind: 'anonymous' },
      since: Date.parse('2026-01-01T00:00Z'),
      priority: 3,
      route: [{ verb: 'say' }],
    },
    { route: [{ verb: 'extension' }], priority: 3 },
  ]);
  t.end();
});

t.test('lists are imported too, with a line of column names or without', (t) => {
  const lists = (text: string) =>
    load({ 'a.yaml': 'lists: { vip: { import: vip.csv } }\n', 'vip.csv': text });
  t.match(lists('name,number\nAnn,+1202\nBob,"+1 (900) 5*"\nno one,anonymous\n').plan?.lists.get('vip'), [
    { pattern: { number: '+1202' } },
    { pattern: { prefix: '+19005' } },
    { kind: 'anonymous' },
  ]);
  t.match(lists('+1202\n+1203\n').plan?.lists.get('vip'), [
    { pattern: { number: '+1202' } },
    { pattern: { number: '+1203' } },
  ]);
  t.same(
    lists('number\nhello\n').diagnostics.map(({ code, place }) => `${place.line}:${place.column} ${code}`),
    ['2:1 bad-pattern'],
  );
  t.end();
});

t.test('a long list is as right as a short one', (t) => {
  const long = Array.from({ length: 5000 }, (_, index) => `"+1202${String(index * 2).padStart(7, '0')}"`);
  const { plan } = load(
    `lists: { inner: [anonymous, "+19*"], long: [${long.join(', ')}, "+33*", { list: inner }] }\n`,
  );
  t.ok(plan);
  if (plan === undefined) {
    t.end();
    return;
  }
  const holds = (value: string, anonymous = false): boolean =>
    fits(plan, { kind: 'list', name: 'long' }, { value, anonymous });
  t.same(
    ['+12020000004', '+33140', '+1900', '+12020000005', ''].map((value) => holds(value)),
    [true, true, true, false, false],
  );
  t.ok(holds('', true));
  t.end();
});

t.test('a hundred thousand rows load within seconds and are found again', (t) => {
  const rows = Array.from(
    { length: 100_000 },
    (_, index) => `+1202${String(index).padStart(7, '0')},N ${index},extension:${300 + (index % 100)},C`,
  );
  const before = process.cpuUsage();
  const { plan, diagnostics } = load(csv(`did,name,route,city\n${rows.join('\n')}\n`));
  const { user, system } = process.cpuUsage(before);
  t.same(diagnostics, []);
  t.equal(plan?.numbers.size, 100_000);
  t.match(plan?.numbers.lookup('+12020099999'), [{ value: { name: 'N 99999', place: { line: 100_001 } } }]);
  t.comment(`CPU ${Math.round((user + system) / 1000)} ms`);
  t.ok(user + system < 8_000_000, 'well below the few seconds an admin waits');
  t.end();
});

t.test('pieces from the parsing thread make up the same files again', (t) => {
  const documents = [
    {
      path: 'a.yaml',
      text: `numbers:\n${'  - { did: "+1202", route: busy }\n'.repeat(2500)}tests: []\nlists: {${Array.from({ length: 1200 }, (_, index) => `l${index}: "+1"`).join(', ')}}\n`,
    },
    { path: 'b.yaml', text: '- a\n' },
    { path: 'c.yaml', text: '' },
  ];
  const tables = [{ path: 'd.csv', text: `did,route\n${'+1,busy\n'.repeat(12_000)}` }];
  const options = { env: () => undefined, prefix: 'x/' };
  const collector = new PieceCollector({ documents, tables, env: {}, prefix: 'x/' });
  const [parsed, rows] = [parseDocuments(documents, options), parseTables(tables, options)];
  let pieces = 0;
  const send = (whole: Parameters<typeof piecesOf>[0]): void => {
    for (const piece of piecesOf(whole)) {
      pieces++;
      collector.take(structuredClone(piece));
    }
  };
  parsed.forEach((document, index) => send({ kind: 'document', index, document: { ...document, text: '' } }));
  rows.forEach((table, index) => send({ kind: 'table', index, table: { ...table, text: '' } }));
  t.ok(pieces > 8);
  t.equal(JSON.stringify(collector.documents), JSON.stringify(parsed));
  t.equal(JSON.stringify(collector.tables), JSON.stringify(rows));
  t.end();
});

t.test(
  'a folder is read with its imports; what cannot be read is a fault, what is missing an error',
  async (t) => {
    const folder = t.testdir({
      'main.yaml': 'numbers: [{ import: more/d.csv }, { import: e.csv }]\n',
      '.hidden.yaml': 'x',
      'notes.txt': 'x',
    });
    await mkdir(join(folder, 'more'));
    await writeFile(join(folder, 'more/d.csv'), 'did,route\n+1202,busy\n');
    const options = { env: () => undefined, prefix: 'dialplans/' };
    const first = await loadDialplan({ folder, ...options });
    t.equal(first.plan, undefined);
    t.match(first.diagnostics, [
      { code: 'missing-import', place: { file: 'dialplans/main.yaml', line: 1, column: 45 } },
    ]);
    t.equal(first.sourceOf('dialplans/main.yaml'), 'numbers: [{ import: more/d.csv }, { import: e.csv }]\n');
    await writeFile(join(folder, 'e.csv'), 'did,route\n+1203,busy\n');
    const second = await loadDialplan({ folder, ...options });
    t.same(second.diagnostics, []);
    t.same(
      second.plan?.files.map(({ path }) => path),
      ['main.yaml', 'more/d.csv', 'e.csv'],
    );
    const again = await loadDialplan({ files: second.files, env: () => undefined });
    t.equal(again.plan?.hash, second.plan?.hash);
    await writeFile(join(folder, 'big.yaml'), `lists:\n  big:\n${'    - "+12025550100"\n'.repeat(50_000)}`);
    t.equal((await loadDialplan({ folder, ...options })).plan?.lists.get('big')?.length, 50_000);
    await rm(join(folder, 'big.yaml'));
    await t.rejects(loadDialplan({ folder: join(folder, 'nowhere'), ...options }), {
      code: 'FILE_UNREADABLE',
    });
  },
);

t.test('a CSV file of anything is read or refused, never thrown at', (t) => {
  for (const text of ['\0', '"', 'a"b,c\n', ',,,\n,,\n', '\n\n', 'x'.repeat(100_000), '"a""b",c\n1,2\n']) {
    t.doesNotThrow(() => parseCsv('x.csv', text));
  }
  t.end();
});
