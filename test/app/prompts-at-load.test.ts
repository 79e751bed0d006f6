import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createPromptFollower } from '../../src/app/follow-prompts.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger, type Logger } from '../../src/base/logger.js';
import { createPromptLookup, SHIPPED_PROMPTS } from '../../src/config/index.js';
import { loadDialplan, loadDialplanFiles, type Plan } from '../../src/dialplan/index.js';
import { createPrompts } from '../../src/media/index.js';

const PLACE = { file: 'trunkline.yaml', line: 1, column: 1 };
const ROOT = join(import.meta.dirname, '..', '..');

const PLAN = `numbers:
  - did: "+12025550100"
    route:
      - { say: "Hello   there", name: greeting }
      - { play: [broken.wav, { say: { en: One, de: Eins } }] }
      - { set: { city: Bern } }
      - { say: "You are in \${city}" }
      - { menu: main }
menus:
  main:
    prompt: gone.wav
    keys: { "1": { queue: sales } }
queues:
  sales: { agents: [], music: music/hold.wav }
mailboxes:
  box: { greeting: { say: "Hello there" } }
surveys:
  csat: { ask: { say: "How was it?" }, digits: 1 }
`;

function planOf(text: string): Plan {
  const { plan, diagnostics } = loadDialplanFiles([{ path: 'main.yaml', text }], { env: () => undefined });
  if (plan === undefined) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

/** The prompts of a folder, and what the log says of them, as `place: text`. */
function setUp(folder: string, sayCommand: readonly string[], searchPath: string, music = 'music/hold.wav') {
  const said: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (fields: object, message?: string) => {
      said.push(`${(fields as { place?: string }).place ?? ''}: ${message ?? ''}`);
    },
  };
  const prompts = createPrompts({
    folders: [folder],
    systemFolder: SHIPPED_PROMPTS,
    cacheFolder: join(folder, 'spoken'),
    sayCommand,
    searchPath,
    logger: silentLogger,
    clock: systemClock,
  });
  const follower = createPromptFollower({ prompts, logger, holdMusic: { file: music, place: PLACE } });
  return { said, follower };
}

void t.test('what is not going to be heard is told with its place, its step and a remedy', async (t) => {
  const folder = t.testdir({ 'broken.wav': 'no sound at all' });
  const { said, follower } = setUp(folder, ['no-such-program', '{text}'], '/nowhere', 'my-music.wav');
  follower.follow(planOf(PLAN));
  t.same(said, [], 'nobody waits for it');
  await follower.settled();
  const places = said.map((line) => line.slice(0, line.indexOf(' ')));
  t.same(places.sort(), [
    'main.yaml:16:20:',
    'main.yaml:18:16:',
    'main.yaml:4:9:',
    'main.yaml:5:18:',
    'main.yaml:5:30:',
    'main.yaml:5:30:',
    'main.yaml:7:9:',
    'trunkline.yaml:1:1:',
  ]);
  const has = (pattern: RegExp): void => {
    t.ok(
      said.some((line) => pattern.test(line)),
      String(pattern),
    );
  };
  has(/step say "greeting": "Hello there" cannot be spoken: .*no-such-program/);
  has(/step play: .*broken\.wav/);
  has(/step say: "You are in \$\{city\}" cannot be spoken/);
  has(/mailbox "box": /);
  has(/survey "csat": /);
  has(/media\.hold-music: my-music\.wav is not there; put it at /);
  t.notOk(
    said.some((line) => line.includes('gone.wav')),
    'of files the load has told already',
  );
});

void t.test(
  'texts are spoken before a call comes, those of a newer plan only; failures are told',
  async (t) => {
    const folder = t.testdir({ 'broken.wav': 'no sound at all' });
    const program = join(folder, 'speak');
    const wav = join(SHIPPED_PROMPTS, 'en', 'system', '1.wav');
    writeFileSync(
      program,
      `#!/bin/sh\n[ "$1" = "Eins" ] && echo "no such voice" >&2 && exit 1\ncp ${wav} "$2"\n`,
    );
    chmodSync(program, 0o755);
    const { said, follower } = setUp(folder, [program, '{text}', '{wav}'], '');
    follower.follow(planOf(PLAN.replaceAll('Hello', 'Goodbye')));
    follower.follow(planOf(PLAN));
    await follower.settled();
    t.match(
      said.filter((line) => !line.includes('broken')),
      [/^main\.yaml:5:30: step play: "Eins" cannot be spoken: .*no such voice/],
    );
    const spoken = readdirSync(join(folder, 'spoken'), { recursive: true }).filter((file) =>
      String(file).endsWith('.wav'),
    );
    t.equal(spoken.length, 3, 'Hello there, One and How was it?');
  },
);

void t.test(
  'the sample plan loads without a warning about prompts, and needs nothing installed',
  async (t) => {
    const exists = createPromptLookup(join(ROOT, 'no-such-folder'));
    t.equal(exists('music/hold.wav'), true);
    t.equal(exists('system/1.wav'), true, 'in a folder of its language');
    t.equal(exists('nothing.wav'), false);
    t.ok(existsSync(SHIPPED_PROMPTS));
    const { plan, diagnostics } = await loadDialplan({
      folder: join(ROOT, 'dialplans'),
      env: () => undefined,
      promptExists: exists,
    });
    t.same(
      diagnostics.filter(({ code }) => code.includes('prompt')),
      [],
    );
    const { said, follower } = setUp(t.testdir({}), ['no-such-program'], '/nowhere');
    follower.follow(plan!);
    await follower.settled();
    t.same(said, []);
  },
);
