// `npm start`: installs and builds what is missing, then runs the server in this very process, so that signals reach it.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, checkNode, install } from './prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
checkNode();
install(root);
build(root);
process.argv.splice(2, 0, 'start');
await import('../dist/main.js');
