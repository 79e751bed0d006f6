import {
  boolean,
  duration,
  fields,
  integer,
  list,
  oneWordOf,
  size,
  text,
  type ReadBy,
} from '../base/shape/index.js';
import { host, hostPort, located, name, port, portRange, secret } from './values.js';

/** `media.voicemail:` */
const voicemailSection = fields({
  'max-messages': {
    shape: integer({ min: 1, max: 10_000 }),
    doc: 'Most messages of a mailbox.',
    default: '100',
  },
  'max-size': {
    shape: size(),
    doc: 'Most space of a mailbox; a minute takes about 1 MB.',
    default: '200MB',
  },
  keep: {
    shape: duration({ minMs: 60_000 }),
    doc: 'Age at which messages are deleted, saved ones too. Without it they stay.',
  },
  'pin-attempts': {
    shape: integer({ min: 1, max: 100 }),
    doc: 'Wrong PINs in a row, over all calls, that lock a mailbox for the phone.',
    default: '5',
  },
  'pin-lock': { shape: duration({ minMs: 1000 }), doc: 'How long it is locked then.', default: '15m' },
  hook: {
    shape: list(text(), { min: 1, max: 64 }),
    doc: 'Program that is told of each new message, with its arguments; `{mailbox}`, `{caller}`, `{seconds}`, `{id}` and `{file}` are put in. No shell is involved.',
  },
});

/** `media:` */
export const mediaSection = fields({
  ports: { shape: portRange(), doc: 'UDP ports for media.', default: '20000-29999' },
  prompts: {
    shape: text(),
    doc: 'Folder of the prompts, with a folder for each language. What is not there is looked for among those that come with Trunkline.',
    default: '../prompts',
  },
  language: {
    shape: text({
      pattern: /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/,
      expected: 'a language such as en or de-CH',
    }),
    doc: 'Language of callers who have chosen none.',
    default: 'en',
  },
  extensions: {
    shape: oneWordOf('relay', 'direct'),
    doc: 'Media of phones: through us, or straight between the two sides. A call runs direct only where both its sides do, and as long as nothing is played to it.',
    default: 'relay',
  },
  workers: {
    shape: integer({ min: 1, max: 64 }),
    doc: 'Threads that carry media. Without it half the processor’s cores.',
  },
  'rtp-timeout': {
    shape: duration({ minMs: 0, maxMs: 86_400_000 }),
    doc: 'A call whose side sends no media for so long, though it should, is hung up; 0s: never.',
    default: '60s',
  },
  'hold-music': {
    shape: text(),
    doc: 'Prompt that is played to who is on hold, or waits in a queue without music of its own.',
    default: 'music/hold.wav',
  },
  'record-on-demand': {
    shape: boolean(),
    doc: 'Extensions may record their calls by `*1`.',
    default: 'false',
  },
  recordings: {
    shape: text(),
    doc: 'Folder of recordings and voicemail messages. Without it the folder of the database.',
  },
  'keep-recordings': {
    shape: duration({ minMs: 60_000 }),
    doc: 'Age at which recordings of calls are deleted. Without it they stay.',
  },
  voicemail: { shape: voicemailSection, doc: 'Mailboxes, all alike.', default: {} },
  say: {
    shape: fields({
      command: {
        shape: list(text(), { min: 1, max: 64 }),
        doc: 'Program that speaks a text, with its arguments; `{text}`, `{wav}` and `{lang}` are put in.',
        default: ['espeak-ng', '-v', '{lang}', '-w', '{wav}', '{text}'],
      },
    }),
    doc: 'How texts become speech.',
    default: {},
  },
  freeswitch: {
    shape: located(
      list(
        fields({
          host: { shape: host(), doc: 'Its address.', required: true },
          port: { shape: port(), doc: 'Port of its event socket.', default: '8021' },
          secret: { shape: secret('secret'), doc: 'Password of its event socket.', required: true },
        }),
        { max: 64 },
      ),
    ),
    doc: 'FreeSWITCH servers for media instead of the embedded engine.',
  },
});

export type MediaSection = ReadBy<typeof mediaSection>;

/** `api:` */
export const apiSection = fields({
  listen: {
    shape: located(hostPort('127.0.0.1:3000')),
    doc: 'Address and port of the API. Without keys it must be loopback.',
    default: '127.0.0.1:3000',
  },
  keys: {
    shape: list(
      fields({
        name: { shape: located(name('key')), doc: 'What logs and revisions call it.', required: true },
        role: { shape: oneWordOf('admin', 'operator', 'viewer'), doc: 'What it may do.', required: true },
        hash: {
          shape: text({
            pattern: /^sha256:[0-9a-f]{64}$/,
            expected: 'sha256: and the 64 hexadecimal digits of the key’s hash',
          }),
          doc: 'The hash of the key; the key itself is nowhere stored.',
          required: true,
        },
      }),
      { max: 1000 },
    ),
    doc: 'Keys that may use the API.',
    default: [],
  },
});

export type ApiSection = ReadBy<typeof apiSection>;

/** `store:` */
export const storeSection = fields({
  path: {
    shape: text(),
    doc: 'Database file. Its folder belongs to one process at a time.',
    default: '../data/trunkline.db',
  },
  'keep-records': {
    shape: duration({ minMs: 60_000 }),
    doc: 'Age at which records of calls are deleted.',
    default: '400d',
  },
  'keep-answers': {
    shape: duration({ minMs: 60_000 }),
    doc: 'Age at which answers to surveys are deleted.',
    default: '400d',
  },
  durability: {
    shape: oneWordOf('crash', 'power-loss'),
    doc: '`crash`: records survive the end of the process. `power-loss`: each commit waits for the disk.',
    default: 'crash',
  },
});

export type StoreSection = ReadBy<typeof storeSection>;

/** `log:` */
export const logSection = fields({
  level: {
    shape: oneWordOf('debug', 'info', 'warn', 'error'),
    doc: 'The least that is logged.',
    default: 'info',
  },
  'redact-numbers': {
    shape: boolean(),
    doc: 'Hides all but the last digits of numbers in the log.',
    default: 'false',
  },
});

export type LogSection = ReadBy<typeof logSection>;
