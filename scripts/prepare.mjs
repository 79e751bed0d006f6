// Installs and builds only what is missing or older than its source, so that `npm start` and `npm test` work on a fresh clone.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OLDEST_NODE = [20, 9];

/** Ends the process with one clear line when this Node is too old to run the project. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    console.error(
      `Trunkline needs Node ${OLDEST_NODE.join('.')} or later; this is ${process.versions.node}.`,
    );
    process.exit(2);
  }
}

/** `npm ci` when node_modules is absent or older than the lock file. */
export function install(root) {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
  )
    return;
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    console.error('node_modules is a link; an installation would empty the folder it leads to. Remove it.');
    process.exit(2);
  }
  console.error('Installing dependencies (once) …');
  run(root, 'npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** `tsc` when a source is newer than the last build. */
export function build(root) {
  const stamp = join(root, 'dist', '.built');
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  const sources = [join(root, 'src'), join(root, 'tsconfig.json'), join(root, 'tsconfig.build.json')];
  if (sources.every((source) => newest(source) <= builtAt)) return;
  console.error('Building …');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(root, process.execPath, [
    join('node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
  writeFileSync(stamp, '');
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stat.mtimeMs);
}

function run(root, command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) {
    console.error(`${command} ${args.join(' ')} failed; the lines above say why.`);
    process.exit(2);
  }
}
