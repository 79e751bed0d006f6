import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import tap from 'tap';
import { silentLogger } from '../../src/base/logger.js';
import { readWav, wavHeader } from '../../src/media/codec/wav.js';
import type { Clip } from '../../src/media/engine.js';
import {
  createPrompts,
  SYSTEM_TEXTS,
  type PromptProblem,
  type PromptRequest,
  type Prompts,
  type PromptsDeps,
} from '../../src/media/prompts/index.js';
import { saidFile, tidyText } from '../../src/media/prompts/say-text.js';
import { chooseText, languageChain } from '../../src/media/prompts/languages.js';
import { SAMPLE_TEXTS } from '../../src/media/prompts/system-texts.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const shipped = join(root, 'prompts');

/** A speech program: the WAV it writes holds as many samples as the text has characters, and it keeps a diary. */
const SPEAKER = `
import { appendFileSync, writeFileSync } from 'node:fs';
const [wav, diary, text, lang] = process.argv.slice(2);
appendFileSync(diary, JSON.stringify({ text, lang }) + '\\n');
if (text === 'hang') setInterval(() => {}, 1000);
else if (text === 'fail') { console.error('no such voice'); process.exitCode = 3; }
else if (text === 'nothing') {}
else if (text === 'rubbish') writeFileSync(wav, 'not a sound');
else if (lang === 'de-AT') process.exitCode = 1;
else {
  const header = Buffer.from('${Buffer.from(wavHeader({ rate: 8000, channels: 1, dataBytes: 0 })).toString('base64')}', 'base64');
  const data = Buffer.alloc(2 * text.length);
  header.writeUInt32LE(36 + data.length, 4);
  header.writeUInt32LE(data.length, 40);
  writeFileSync(wav, Buffer.concat([header, data]));
}`;

interface Kit {
  readonly prompts: Prompts;
  readonly folder: string;
  readonly alarms: PromptProblem[];
  readonly diary: () => { text: string; lang: string }[];
  readonly put: (file: string) => string;
}

function createKit(t: Pick<typeof tap, 'teardown'>, overrides: Partial<PromptsDeps> = {}): Kit {
  const folder = mkdtempSync(join(tmpdir(), 'prompts-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, 'speaker.mjs');
  const diary = join(folder, 'diary');
  writeFileSync(script, SPEAKER);
  writeFileSync(diary, '');
  const alarms: PromptProblem[] = [];
  const prompts = createPrompts({
    folders: [join(folder, 'own')],
    systemFolder: shipped,
    cacheFolder: join(folder, 'cache'),
    sayCommand: [process.execPath, script, '{wav}', diary, '{text}', '{lang}'],
    logger: silentLogger,
    onAlarm: (problem) => alarms.push(problem),
    ...overrides,
  });
  return {
    prompts,
    folder,
    alarms,
    diary: () =>
      readFileSync(diary, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { text: string; lang: string }),
    put: (file) => {
      const path = join(folder, 'own', file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(
        path,
        Buffer.concat([wavHeader({ rate: 8000, channels: 1, dataBytes: 2 }), Buffer.alloc(2)]),
      );
      return path;
    },
  };
}

const paths = (clips: readonly Clip[]): string[] =>
  clips.map((clip) => (clip.kind === 'file' ? clip.path : clip.kind));
const say = (text: string | Record<string, string>): PromptRequest => ({ kind: 'say', text });
const file = (name: string): PromptRequest => ({ kind: 'file', file: name });

tap.test('which file is heard', (t) => {
  t.test(
    'the language of the call, its base, the default, the folder itself, then what is shipped',
    async (t) => {
      const { prompts, put } = createKit(t, { defaultLanguage: 'fr' });
      const plain = put('a.wav');
      const german = put('de/a.wav');
      const french = put('fr/a.wav');
      const austrian = put('de-AT/a.wav');
      put('de/b.wav');
      const heard = async (name: string, language?: string): Promise<string[]> =>
        paths(await prompts.resolve(file(name), language));
      t.same(await heard('a.wav', 'de-AT'), [austrian]);
      t.same(await heard('a.wav', 'de-CH'), [german]);
      t.same(await heard('a.wav', 'it'), [french]);
      t.same(await heard('a.wav'), [french]);
      t.same(await heard('a.wav', '../..'), [french], 'what is no language is none');
      rmSync(dirname(french), { recursive: true });
      const later = createKit(t);
      t.same(paths(await later.prompts.resolve(file('a.wav'), 'it')), []);
      t.ok(plain);
    },
  );

  t.test('system sounds and music: shipped, unless the admin has own ones', async (t) => {
    const { prompts, put, alarms } = createKit(t);
    const goodbye: PromptRequest = { kind: 'system', name: 'goodbye' };
    t.same(paths(await prompts.resolve(goodbye, 'de')), [join(shipped, 'en/system/goodbye.wav')]);
    t.same(paths(await prompts.resolve(file('music/hold.wav'), undefined)), [
      join(shipped, 'music/hold.wav'),
    ]);
    const own = put('de/system/goodbye.wav');
    t.same(paths(await prompts.resolve(goodbye, 'de-DE')), [own]);
    t.same(alarms, []);
  });

  t.test('a name never leads out of the folders', async (t) => {
    const { prompts, folder, alarms } = createKit(t);
    writeFileSync(join(folder, 'secret.wav'), 'x');
    for (const name of [
      '../secret.wav',
      'a/../../secret.wav',
      join(folder, 'secret.wav'),
      './a.wav',
      'a\\b.wav',
      'a\0b',
      '',
    ]) {
      t.same(await prompts.resolve(file(name), undefined), [], name);
      t.match(prompts.check(file(name)), [{ kind: 'file-missing', message: /leads out of the folder/ }]);
    }
    t.equal(alarms.length, 7);
  });

  t.test('what is not there is left out, with one alarm a name until the next load', async (t) => {
    const { prompts, put, alarms } = createKit(t);
    const there = put('there.wav');
    const both: PromptRequest = {
      kind: 'sequence',
      of: [file('gone.wav'), { kind: 'sequence', of: [file('there.wav')] }],
    };
    t.same(paths(await prompts.resolve(both, undefined)), [there]);
    t.same(paths(await prompts.resolve(both, 'de')), [there]);
    t.match(alarms, [{ kind: 'file-missing', name: 'gone.wav', message: /own\/gone\.wav/ }]);
    t.equal(alarms.length, 1);
    t.match(await prompts.prepare([both, both]), [{ name: 'gone.wav' }]);
    await prompts.resolve(both, undefined);
    t.equal(alarms.length, 2);
  });
  t.end();
});

tap.test('what a check at load finds', (t) => {
  const { prompts, put, folder } = createKit(t);
  put('de/only-german.wav');
  put('fine.wav');
  mkdirSync(join(folder, 'own'), { recursive: true });
  writeFileSync(join(folder, 'own', 'song.wav'), 'ID3 this is no WAV');
  t.same(
    prompts.check({ kind: 'sequence', of: [file('fine.wav'), file('only-german.wav'), say('Hello')] }),
    [],
  );
  t.match(prompts.check(file('song.wav')), [
    { kind: 'file-unreadable', name: 'song.wav', message: /song\.wav is no WAV file: it looks like MP3/ },
  ]);
  const mute = createKit(t, { sayCommand: ['no-such-speaker', '{text}'], searchPath: '/usr/bin:/bin' });
  t.match(mute.prompts.check(say({ en: 'Hello', de: 'Guten Tag' })), [
    {
      kind: 'not-spoken',
      name: 'Hello',
      message: /"Hello" cannot be spoken: no-such-speaker is not installed/,
    },
    { name: 'Guten Tag' },
  ]);
  t.same(mute.prompts.check(say(SAMPLE_TEXTS[0]!)), [], 'the sample was spoken beforehand');
  t.end();
});

tap.test('what is said', (t) => {
  t.test('a text is spoken once, and found again by its content', async (t) => {
    const { prompts, diary, folder } = createKit(t);
    const [one, two] = await Promise.all([
      prompts.resolve(say('Good morning'), undefined),
      prompts.resolve(say('  Good\n morning '), undefined),
    ]);
    t.same(one, two);
    t.equal(readWav(readFileSync(paths(one)[0]!)).pcm.length, 12);
    t.same(diary(), [{ text: 'Good morning', lang: 'en' }]);
    const again = createPrompts({
      folders: [],
      systemFolder: shipped,
      cacheFolder: join(folder, 'cache'),
      sayCommand: ['other-program', '{text}'],
      logger: silentLogger,
    });
    t.same(await again.resolve(say('Good morning'), undefined), [], 'another command speaks anew');
    t.same(readdirSync(join(folder, 'cache')), ['call'], 'no plan has it: it goes after a day');
    t.equal(readdirSync(join(folder, 'cache', 'call')).length, 1, 'and no part is left');
  });

  t.test('texts of the plan are spoken at load, in each language', async (t) => {
    const { prompts, diary, folder } = createKit(t);
    const problems = await prompts.prepare([
      say({ en: 'Hello', de: 'Hallo' }),
      { kind: 'sequence', of: [say('Hello'), say('fail'), say(' ')] },
    ]);
    t.match(problems, [{ kind: 'not-spoken', name: 'fail', message: /ended with 3: no such voice/ }]);
    t.same(
      diary()
        .map(({ text, lang }) => `${lang} ${text}`)
        .sort(),
      ['de Hallo', 'en Hello', 'en fail'],
    );
    const clips = await prompts.resolve(say({ en: 'Hello', de: 'Hallo' }), 'de-DE');
    t.equal(dirname(paths(clips)[0]!), join(folder, 'cache', 'plan'));
    t.equal(diary().length, 3);
  });

  t.test('a region the voice does not know is spoken in its language', async (t) => {
    const { prompts, diary } = createKit(t);
    t.equal((await prompts.resolve(say('Servus'), 'de-AT')).length, 1);
    t.same(
      diary().map(({ lang }) => lang),
      ['de-AT', 'de'],
    );
  });

  t.test('no text is an option or a command', async (t) => {
    const { prompts, diary } = createKit(t);
    const cases: Record<string, string> = {
      '--version': 'version',
      '-w /tmp/x': 'w /tmp/x',
      '$(touch /tmp/x); `id` "quoted"': '$(touch /tmp/x); `id` "quoted"',
      'a\0b\x1b[31mc': 'a b [31mc',
      '{wav} {lang}': '{wav} {lang}',
    };
    for (const text of Object.keys(cases)) await prompts.resolve(say(text), undefined);
    t.same(
      diary().map(({ text }) => text),
      Object.values(cases),
    );
    t.equal(tidyText('x'.repeat(100_000)).length, 2000);
    t.equal(tidyText('--- ‒–'), '');
    t.same(await prompts.resolve(say('---'), undefined), []);
  });

  t.test('what a program gets wrong is told, and not tried again at once', async (t) => {
    const { prompts, alarms, diary } = createKit(t);
    for (const [text, why] of [
      ['nothing', /wrote no file/],
      ['rubbish', /is no WAV file/],
    ] as const) {
      t.same(await prompts.resolve(say(text), undefined), []);
      t.match(alarms.at(-1), { kind: 'not-spoken', name: text, message: why });
      await prompts.resolve(say(text), undefined);
    }
    t.equal(diary().length, 2);
    t.equal(alarms.length, 2);
  });

  t.test('a program that hangs is ended after 10 s', async (t) => {
    const clock = createFakeClock();
    const { prompts, alarms, diary } = createKit(t, { clock });
    const heard = prompts.resolve(say('hang'), undefined);
    while (diary().length === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10_000);
    t.same(await heard, []);
    t.match(alarms, [{ message: /took more than 10 s/ }]);
  });

  t.test('many at a time: two programs, the rest waits, and beyond that is turned away', async (t) => {
    const { prompts, alarms } = createKit(t, { sayCommand: ['true', '{text}'] });
    await Promise.all(
      Array.from({ length: 70 }, (_, index) => prompts.resolve(say(`text ${index}`), undefined)),
    );
    t.equal(alarms.filter(({ message }) => message.includes('too many texts')).length, 4);
    t.equal(alarms.filter(({ message }) => message.includes('wrote no file')).length, 66);
  });

  t.test(
    'where nothing can speak, the sample has been spoken beforehand; else it says what to install',
    async (t) => {
      const { prompts, alarms } = createKit(t, { sayCommand: ['no-such-speaker', '{text}'] });
      for (const text of SAMPLE_TEXTS) {
        t.same(paths(await prompts.resolve(say(text), 'en-US')), [join(shipped, 'en/said', saidFile(text))]);
      }
      t.same(alarms, []);
      await prompts.resolve(say('Something else'), undefined);
      t.match(alarms, [
        { message: /no-such-speaker is not installed; install it, or set media\.say\.command/ },
      ]);
    },
  );

  t.test('languages: the chain, and the text that is chosen', (t) => {
    t.same(languageChain('de-Latn-AT', 'en-US'), ['de-Latn-AT', 'de-Latn', 'de', 'en-US', 'en']);
    t.same(languageChain('/etc', 'en'), ['en']);
    const texts = { en: 'Hello', 'de-CH': 'Grüezi', fr: 'Bonjour' };
    t.match(
      chooseText(texts, 'de', 'en'),
      { language: 'de-CH' },
      'a region of it sooner than another language',
    );
    t.match(chooseText(texts, 'fr-CA', 'en'), { language: 'fr' });
    t.match(chooseText(texts, 'it', 'en'), { language: 'en' });
    t.match(chooseText({ fr: 'Bonjour' }, 'it', 'en'), { language: 'fr' }, 'better than nothing');
    t.equal(chooseText({}, 'it', 'en'), undefined);
    t.match(chooseText('Hello', 'de-AT', 'en'), { text: 'Hello', language: 'de-AT' });
    t.end();
  });
  t.end();
});

tap.test('what ships', (t) => {
  t.test('every name is there, at one loudness, short, unclipped', (t) => {
    let bytes = 0;
    for (const name of [
      ...Object.keys(SYSTEM_TEXTS).map((one) => `en/system/${one}.wav`),
      ...SAMPLE_TEXTS.map((text) => `en/said/${saidFile(text)}`),
      'music/hold.wav',
    ]) {
      const content = readFileSync(join(shipped, name));
      bytes += content.length;
      const { rate, channels, pcm } = readWav(content, name);
      const seconds = pcm.length / rate;
      const peak = pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      const music = name.startsWith('music/');
      const ok =
        rate === 8000 &&
        channels === 1 &&
        peak < 24_000 &&
        peak > 4000 &&
        (music ? seconds >= 30 && seconds <= 60 : seconds > 0.2 && seconds < 16);
      if (!ok) t.fail(`${name}: ${seconds} s, peak ${peak}`);
    }
    t.ok(bytes < 6_000_000, String(bytes));
    const system = readdirSync(join(shipped, 'en', 'system'));
    t.same(
      system.filter((one) => !Object.hasOwn(SYSTEM_TEXTS, one.slice(0, -4))),
      [],
      'and nothing else',
    );
    t.end();
  });

  t.test('the sample says nothing that was not spoken beforehand', (t) => {
    const said = new Set(SAMPLE_TEXTS.map(tidyText));
    for (const plan of ['main.yaml', 'extensions.yaml']) {
      const text = readFileSync(join(root, 'dialplans', plan), 'utf8');
      for (const [, spoken = ''] of text.matchAll(/say: "([^"]*)"/g))
        t.ok(said.has(tidyText(spoken)), spoken);
    }
    t.ok(existsSync(join(shipped, 'README.md')));
    t.end();
  });
  t.end();
});
