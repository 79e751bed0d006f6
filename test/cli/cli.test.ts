import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runProgram, type SipServerCommand } from '../../src/cli/index.js';

const SETTINGS = `
sip: { listen: ["udp://127.0.0.1:5060"], domain: voice.example.com }
numbers: { country: US, area-code: "202" }
dialplans: dialplans
trunks:
  acme: { kind: carrier, from: [192.0.2.0/24], to: [{ uri: "sip:sbc.acme.example" }] }
`;
const DIALPLAN = `
numbers:
  - did: "+12025550100"
    name: Main line
    route: { hours: office, open: { extension: "201" }, closed: { reject: 480 } }
extensions:
  "201": { name: Ann, trunk: acme }
hours:
  office: { timezone: America/New_York, open: { mon-fri: "08:30-18:00" } }
tests:
  - name: at noon Ann is called
    call: { to: "+12025550100", at: "2026-11-24 12:00 America/New_York" }
    expect: { extension: "201" }
`;

function project(t: Test, files: { settings?: string; dialplan?: string } = {}) {
  const folder = t.testdir();
  mkdirSync(join(folder, 'dialplans'));
  writeFileSync(join(folder, 'trunkline.yaml'), files.settings ?? SETTINGS);
  writeFileSync(join(folder, 'dialplans', 'main.yaml'), files.dialplan ?? DIALPLAN);
  const started: (string | SipServerCommand)[] = [];
  const run = async (...argv: string[]) => {
    const out: string[] = [];
    const errors: string[] = [];
    const code = await runProgram(argv, {
      io: {
        out: (line) => void out.push(line),
        error: (line) => void errors.push(line),
        env: () => undefined,
        cwd: folder,
      },
      version: '1.2.3',
      defaultConfig: 'trunkline.yaml',
      randomHex: (bytes) => 'ab'.repeat(bytes),
      start: (config) => {
        started.push(config);
        return Promise.resolve(0);
      },
      sipServer: (options) => {
        started.push(options);
        return Promise.resolve(0);
      },
    });
    return { code, out: out.join('\n'), errors: errors.join('\n') };
  };
  return { run, started };
}

void t.test('check says what there is, or every error with place, caret and hint', async (t) => {
  const good = await project(t).run('check');
  t.equal(good.code, 0, good.errors);
  t.match(good.out, /1 numbers, 1 tests passed/);
});

void t.test('check prints errors like a compiler, and JSON on demand', async (t) => {
  const { run } = project(t, {
    dialplan: DIALPLAN.replace('open: { extension: "201" }', 'open: { extention: "201" }'),
  });
  const bad = await run('check');
  t.equal(bad.code, 1);
  t.match(bad.errors, /dialplans\/main\.yaml:5:\d+: error: /);
  t.match(bad.errors, / 5 \| .*\n.*\^/, 'the line and a caret');
  t.match(bad.errors, /extension/);
  const json = JSON.parse((await run('check', '--json')).out) as {
    ok: boolean;
    diagnostics: { place: { line: number } }[];
  };
  t.match(json, { ok: false, diagnostics: [{ place: { line: 5 } }] });
});

void t.test('errors of the settings come with their place as well', async (t) => {
  const { run } = project(t, { settings: SETTINGS.replace('kind: carrier', 'kind: carier') });
  const bad = await run('check');
  t.equal(bad.code, 1);
  t.match(bad.errors, /trunkline\.yaml:6:\d+: error: .*carrier/);
  const missing = await run('check', '--config', 'nowhere.yaml');
  t.equal(missing.code, 1);
  t.match(missing.errors, /nowhere\.yaml/);
});

void t.test('test runs the inline tests and says what went otherwise', async (t) => {
  const { run } = project(t);
  const good = await run('test');
  t.equal(good.code, 0, good.errors);
  t.match(good.out, /ok {5}at noon Ann is called\n1 passed, 0 failed/);
});

void t.test('a failing test is shown with its place and way', async (t) => {
  const { run } = project(t, { dialplan: DIALPLAN.replace('12:00 America', '22:00 America') });
  const bad = await run('test');
  t.equal(bad.code, 1);
  t.match(bad.out, /FAILED at noon Ann is called\n.*main\.yaml:\d+:\d+/);
  t.match(bad.out, /0 passed, 1 failed/);
  t.match(JSON.parse((await run('test', '--json')).out), { ok: false, tests: [{ passed: false }] });
});

void t.test('explain tells the way of a call, near misses included', async (t) => {
  const { run } = project(t);
  const noon = ['--at', '2026-11-24T12:00:00-05:00'];
  const open = await run('explain', '+12025550100', '--trunk', 'acme', ...noon);
  t.equal(open.code, 0, open.errors);
  t.match(open.out, /connected to 201/);
  t.match(open.out, /office/);
  const closed = await run('explain', '2025550100', '--at', '2026-11-24T22:00:00-05:00');
  t.equal(closed.code, 1);
  t.match(closed.out, /480/);
  const unknown = await run('explain', '+12025550101', ...noon);
  t.equal(unknown.code, 1);
  t.match(unknown.out, /\+12025550100 differs in digit/);
  const json = JSON.parse((await run('explain', '+12025550100', '--json', ...noon)).out) as {
    trace: unknown[];
  };
  t.ok(json.trace.length > 0);
  t.match(await run('explain', '+12025550100', '--trunk', 'acne'), {
    code: 2,
    errors: /USAGE.*acne[^]*acme/,
  });
  t.match(await run('explain', '+12025550100', '--at', 'noon'), { code: 2, errors: /ISO 8601/ });
});

void t.test('start, sip-server, version, help and slips', async (t) => {
  const { run, started } = project(t);
  t.equal((await run('start', '--config', 'other.yaml')).code, 0);
  t.equal((await run('sip-server', '--listen', 'udp://127.0.0.1:5060', '--secret', 's')).code, 0);
  t.match(started, [
    'other.yaml',
    { listen: ['udp://127.0.0.1:5060'], control: '127.0.0.1:9022', secret: 's' },
  ]);
  t.match(await run('version'), { code: 0, out: '1.2.3' });
  t.match(await run('--help'), { code: 0, out: /explain/ });
  t.match(await run('chek'), { code: 2, errors: /check/ }, 'the nearest command is suggested');
  t.equal((await run('sip-server')).code, 2);
});

void t.test('keys add shows the key once and the line that admits it', async (t) => {
  const { run } = project(t);
  const made = await run('keys', 'add', 'ops', '--role', 'operator');
  t.equal(made.code, 0);
  t.match(made.out, /tk_(ab){24}/);
  t.match(made.out, /name: ops, role: operator, hash: "sha256:[0-9a-f]{64}"/);
  t.match(await run('keys', 'add', 'Ops!', '--role', 'operator'), { code: 2, errors: /USAGE/ });
  t.match(await run('keys', 'add', 'ops', '--role', 'king'), { code: 2, errors: /viewer, operator, admin/ });
});

void t.test('reload speaks to the running server and says when there is none', async (t) => {
  const { run } = project(t);
  const server = createServer((request, response) => {
    const failing = request.url === '/v1/dialplan/reload' && request.headers.authorization === undefined;
    response.writeHead(failing ? 200 : 500, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ revision: 7, changed: true, warnings: [], restartNeeded: ['sip.listen'] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  t.match(await run('reload', '--api', `http://127.0.0.1:${port}`), {
    code: 0,
    out: /revision 7 is in force\nsip\.listen changed; it takes force at a restart/,
  });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  t.match(await run('reload', '--api', `http://127.0.0.1:${port}`), {
    code: 2,
    errors: /SERVER_UNREACHABLE/,
  });
});
