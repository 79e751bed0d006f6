import { loadDialplanFiles, type LoadResult } from '../../src/dialplan/index.js';

export const TRUNKS = ['local', 'acme', 'backup-carrier', 'hq-pbx'];

export interface LoadExtras {
  readonly env?: Readonly<Record<string, string>>;
  readonly prompts?: readonly string[];
}

/** Loads files given as texts by name; a single text is `a.yaml`. */
export function load(files: string | Readonly<Record<string, string>>, extras: LoadExtras = {}): LoadResult {
  const texts = typeof files === 'string' ? { 'a.yaml': files } : files;
  const { prompts } = extras;
  return loadDialplanFiles(
    Object.entries(texts).map(([path, text]) => ({ path, text })),
    {
      env: (name) => extras.env?.[name],
      trunkNames: TRUNKS,
      ...(prompts !== undefined && { promptExists: (file: string) => prompts.includes(file) }),
    },
  );
}

/** `line:column code` of each finding, with the file before it where it is another than a.yaml; the hint behind it. */
export function found(files: string | Readonly<Record<string, string>>, extras: LoadExtras = {}): string[] {
  return load(files, extras).diagnostics.map(({ severity, place, code, hint }) => {
    const file = place.file === 'a.yaml' ? '' : `${place.file}:`;
    const mark = severity === 'warning' ? '~' : '';
    return `${file}${place.line}:${place.column} ${mark}${code}${hint === undefined ? '' : ` | ${hint}`}`;
  });
}

/** As `found`, without hints. */
export function codes(files: string | Readonly<Record<string, string>>, extras: LoadExtras = {}): string[] {
  return found(files, extras).map((line) => line.replace(/ \| .*$/s, ''));
}

/** A few definitions that steps may name, on lines 1 to 9; what is tested follows on line 10. */
export const WORLD = `extensions:
  "100": { trunk: hq-pbx }
  "201": { password: "\${P:-p}" }
  "300..399": { trunk: hq-pbx }
mailboxes: { front-desk: {}, "201": {} }
queues: { sales: { agents: ["201"] } }
menus: { main: { prompt: a.wav, keys: { "1": { extension: "100" } } } }
hours: { office: { timezone: Europe/Zurich, open: { mon-fri: "08:00-18:00" } } }
surveys: { csat: { ask: a.wav } }
`;
