// `npm run bench`: builds, then measures Trunkline beside its peers. Arguments name the parts to run; all when there are none.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, checkNode, install } from './prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
checkNode();
install(root);
build(root);
const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', join('bench', 'tsconfig.json')], {
  cwd: root,
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(2);
const main = join('.bench-build', 'bench', 'run.js');
const ran = spawnSync(process.execPath, ['--expose-gc', main, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(ran.status ?? 1);
