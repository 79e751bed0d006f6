import type { JsonSchema } from '../../src/base/shape/index.js';

/** One key of the settings as the reference shows it. */
export interface KeyEntry {
  /** `trunks.NAME.to[].uri` */
  readonly path: string;
  readonly doc: string;
  readonly default: unknown;
  readonly isRequired: boolean;
  readonly words: readonly string[];
}

/** Every key a schema knows, in its order. */
export function keysOf(schema: JsonSchema, prefix = ''): readonly KeyEntry[] {
  const found: KeyEntry[] = [];
  const variants = (schema['anyOf'] ?? []) as JsonSchema[];
  // Where one item may stand without its list, the list alone is shown.
  const lists = variants.filter((variant) => variant['items'] !== undefined);
  for (const variant of lists.length > 0 ? lists : variants) found.push(...keysOf(variant, prefix));
  if (schema['items'] !== undefined) found.push(...keysOf(schema['items'] as JsonSchema, `${prefix}[]`));
  const others = schema['additionalProperties'];
  if (typeof others === 'object' && others !== null)
    found.push(...keysOf(others as JsonSchema, `${prefix}.NAME`));
  const required = (schema['required'] ?? []) as string[];
  for (const [name, inner] of Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)) {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const isSection = inner['properties'] !== undefined && inner['default'] !== undefined;
    found.push({
      path,
      doc: String(inner['description']),
      default: isSection ? undefined : inner['default'],
      isRequired: required.includes(name),
      words: wordsOf(inner),
    });
    found.push(...keysOf(inner, path));
  }
  return found;
}

function wordsOf(schema: JsonSchema): readonly string[] {
  const items = schema['items'] as JsonSchema | undefined;
  const variants = (schema['anyOf'] ?? []) as JsonSchema[];
  return (schema['enum'] ??
    items?.['enum'] ??
    variants.map(wordsOf).find((words) => words.length > 0) ??
    []) as string[];
}

/** The reference: a table for each section. */
export function writeReference(schema: JsonSchema): string {
  const keys = keysOf(schema);
  const sections = keys.filter((key) => !/[.[]/.test(key.path));
  return sections
    .map((section) => {
      const inner = keys.filter(
        (key) => key.path.startsWith(`${section.path}.`) || key.path.startsWith(`${section.path}[`),
      );
      const rows = (inner.length === 0 ? [section] : inner).map(
        (key) => `| \`${key.path}\` | ${key.doc}${wordList(key)} | ${defaultOf(key)} |`,
      );
      return `### \`${section.path}\`\n\n${section.doc}\n\n| key | meaning | default |\n|---|---|---|\n${rows.join('\n')}\n`;
    })
    .join('\n');
}

function wordList(key: KeyEntry): string {
  const missing = key.words.filter((word) => !key.doc.includes(`\`${word}\``));
  return missing.length === 0 ? '' : ` One of ${key.words.map((word) => `\`${word}\``).join(', ')}.`;
}

function defaultOf(key: KeyEntry): string {
  if (key.isRequired) return '**required**';
  if (key.default === undefined) return '–';
  return `\`${Array.isArray(key.default) ? `[${key.default.join(', ')}]` : JSON.stringify(key.default).replaceAll('"', '')}\``;
}
