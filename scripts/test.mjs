// `npm test`: installs and builds what is missing, runs every test with tap, and says plainly which were left out and why.
// Names of test files as arguments run only those.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, checkNode, install } from './prepare.mjs';

const TOOLS = [
  { name: 'sipp', why: 'scenarios on the wire', from: 'apt-get install sip-tester' },
  { name: 'sipsak', why: 'OPTIONS and malformed requests on the wire', from: 'apt-get install sipsak' },
];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
checkNode();
install(root);
build(root);

const counts = { passed: 0, failed: 0, skipped: 0 };
const skips = new Map();
let failing = false;
const args = ['--reporter=tap', '--disable-coverage', ...process.argv.slice(2)];
const tap = spawn(process.execPath, [join('node_modules', 'tap', 'dist', 'esm', 'run.mjs'), ...args], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
});
let rest = '';
tap.stdout.setEncoding('utf8');
tap.stdout.on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) readLine(line);
});
const code = await new Promise((resolve) => tap.on('close', (status) => resolve(status ?? 1)));
readLine(rest);

const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool.name}`]).status !== 0);
console.log('');
for (const [why, names] of skips) console.log(`left out (${why}): ${names.join('; ')}`);
for (const tool of missing) console.log(`not installed: ${tool.name} (${tool.why}); ${tool.from}`);
if (!existsSync(join(root, '..', 'shared', 'torture')))
  console.log('not here: the messages of RFC 4475 and RFC 5118');
if (process.env.CI === 'true' && missing.length > 0) {
  console.log('CI=true: a missing tool is a failure.');
  counts.failed += missing.length;
}
if (code !== 0 && counts.failed === 0) counts.failed = 1;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 && code === 0 ? 0 : 1);

// A test is a line `ok` or `not ok` of the second level: a titled test of a file. Deeper ones are its assertions.
function readLine(line) {
  const match = /^( *)(not ok|ok) \d+(?: - (.*))?$/.exec(line);
  if (match === null) {
    if (failing && /^ {4,}/.test(line)) console.log(line);
    return;
  }
  const [, indent, verdict, title = ''] = match;
  const skip = /# SKIP ?(.*)$/i.exec(title);
  failing = verdict === 'not ok';
  if (indent.length === 0) {
    console.log(`${failing ? 'FAILED' : 'ok    '} ${title.replace(/ # time=/, '  ').replace(/ \{$/, '')}`);
  } else if (indent.length === 4) {
    if (skip !== null) {
      counts.skipped += 1;
      const why = skip[1] || 'no reason given';
      skips.set(why, [...(skips.get(why) ?? []), title.slice(0, skip.index).trim()]);
    } else if (failing) counts.failed += 1;
    else counts.passed += 1;
  }
  if (failing) console.log(`${indent}FAILED: ${title}`);
}
