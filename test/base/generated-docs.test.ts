import { readFileSync } from 'node:fs';
import t from 'tap';
import { errorsPage } from '../../src/base/errors-page.js';
import { settingsSchema } from '../../src/config/index.js';
import { dialplanSchema } from '../../src/dialplan/index.js';

const textOf = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

void t.test('the error catalogue and its page do not drift', (t) => {
  t.equal(textOf('docs/errors.md'), errorsPage(), 'run `npm run docs`');
  t.end();
});

void t.test('the JSON Schemas in config/ are those of the code', (t) => {
  t.equal(
    textOf('config/dialplan.schema.json'),
    `${JSON.stringify(dialplanSchema(), null, 2)}\n`,
    'run `npm run docs`',
  );
  t.equal(
    textOf('config/trunkline.schema.json'),
    `${JSON.stringify(settingsSchema(), null, 2)}\n`,
    'run `npm run docs`',
  );
  t.end();
});
