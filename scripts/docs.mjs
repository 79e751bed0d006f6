// `npm run docs`: writes what is generated from the code: docs/errors.md and the JSON Schemas an editor completes and checks by.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, checkNode, install } from './prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
checkNode();
install(root);
build(root);
const { errorsPage } = await import('../dist/base/errors-page.js');
const { settingsSchema } = await import('../dist/config/index.js');
const { dialplanSchema } = await import('../dist/dialplan/index.js');
const files = {
  'docs/errors.md': errorsPage(),
  'config/dialplan.schema.json': `${JSON.stringify(dialplanSchema(), null, 2)}\n`,
  'config/trunkline.schema.json': `${JSON.stringify(settingsSchema(), null, 2)}\n`,
};
for (const [file, text] of Object.entries(files)) writeFileSync(join(root, file), text);
