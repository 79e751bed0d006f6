import type { Place } from '../../base/diagnostic.js';
import type { Node, TextNode } from '../../base/document.js';
import { didYouMean, type NameResolver, type Reader } from '../../base/shape/index.js';

/** What has names in a dialplan; trunks are the settings'. */
export type NameKind =
  | 'list'
  | 'calendar'
  | 'hours'
  | 'menu'
  | 'queue'
  | 'extension'
  | 'device'
  | 'mailbox'
  | 'site'
  | 'route'
  | 'rota'
  | 'survey'
  | 'conference'
  | 'trunk';

/** The top-level key that defines names of a kind. */
const SECTIONS: Readonly<Record<Exclude<NameKind, 'trunk'>, string>> = {
  list: 'lists',
  calendar: 'calendars',
  hours: 'hours',
  menu: 'menus',
  queue: 'queues',
  extension: 'extensions',
  device: 'devices',
  mailbox: 'mailboxes',
  site: 'sites',
  route: 'routes',
  rota: 'rotas',
  survey: 'surveys',
  conference: 'conferences',
};

/** A name of an admin's own: letters, digits and `_ . -`; an extension may also hold `*` and `#`. */
export const NAME_PATTERN = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}$/u;
export const EXTENSION_NAME_PATTERN = /^[\p{L}\p{N}_*#][\p{L}\p{N}_.*#-]{0,63}$/u;
const BLOCK_PATTERN = /^(\d{1,18})\.\.(\d{1,18})$/;

/** The two ends of `203..299`; undefined for what is no block. */
export function parseBlock(text: string): { readonly lo: string; readonly hi: string } | undefined {
  const match = BLOCK_PATTERN.exec(text);
  if (match === null) return undefined;
  const [, lo, hi] = match as unknown as readonly [string, string, string];
  return { lo, hi };
}

/** `sales` of tenant acme is `acme/sales`; shared names stay as they are. */
export function fullName(tenant: string | undefined, name: string): string {
  return tenant === undefined ? name : `${tenant}/${name}`;
}

/** Every name the files define, known before anything that uses names is read. */
export class DeclaredNames {
  private readonly names = new Map<NameKind, Map<string, Place>>();
  private readonly blocks: {
    readonly tenant: string | undefined;
    readonly lo: string;
    readonly hi: string;
  }[] = [];
  private readonly trunks: ReadonlySet<string> | undefined;

  constructor(trunkNames: Iterable<string> | undefined) {
    this.trunks = trunkNames === undefined ? undefined : new Set(trunkNames);
  }

  /** Takes the names of one file; a name that another file gave already is reported. */
  declare(root: Node, tenant: string | undefined, reader: Reader): void {
    if (root.kind !== 'map') return;
    for (const [kind, section] of Object.entries(SECTIONS) as [NameKind, string][]) {
      const node = root.entries.find((entry) => entry.key.text === section)?.value;
      if (node?.kind !== 'map') continue;
      for (const { key } of node.entries) this.declareOne(kind, key, tenant, reader);
    }
    const extensions = root.entries.find((entry) => entry.key.text === 'extensions')?.value;
    if (extensions?.kind !== 'map') return;
    for (const { key, value } of extensions.entries) {
      const registers = value.kind === 'map' && value.entries.some((entry) => entry.key.text === 'password');
      if (registers) this.declareOne('device', key, tenant, reader);
    }
  }

  has(kind: NameKind, name: string): boolean {
    if (kind === 'trunk') return this.trunks?.has(name) ?? true;
    return this.names.get(kind)?.has(name) ?? false;
  }

  /** Whether a single extension or a block of the tenant holds this name. */
  hasExtension(tenant: string | undefined, name: string): boolean {
    if (this.has('extension', fullName(tenant, name))) return true;
    return this.blocks.some(
      (block) =>
        block.tenant === tenant &&
        block.lo.length === name.length &&
        block.lo <= name &&
        name <= block.hi &&
        /^\d+$/.test(name),
    );
  }

  /** The full name that `name` has in a file of this tenant: the tenant's own before the shared one. */
  find(kind: NameKind, name: string, tenant: string | undefined): string | undefined {
    const has = (owner: string | undefined): boolean =>
      kind === 'extension' ? this.hasExtension(owner, name) : this.has(kind, fullName(owner, name));
    if (kind === 'trunk') return this.has(kind, name) ? name : undefined;
    if (tenant !== undefined && has(tenant)) return fullName(tenant, name);
    return has(undefined) ? name : undefined;
  }

  /** What may be written in a file of this tenant, for suggestions. */
  known(kind: NameKind, tenant: string | undefined): string[] {
    if (kind === 'trunk') return [...(this.trunks ?? [])];
    const prefix = tenant === undefined ? undefined : `${tenant}/`;
    const names: string[] = [];
    for (const name of this.names.get(kind)?.keys() ?? []) {
      if (prefix !== undefined && name.startsWith(prefix)) names.push(name.slice(prefix.length));
      else if (!name.includes('/')) names.push(name);
    }
    return names;
  }

  private declareOne(kind: NameKind, key: TextNode, tenant: string | undefined, reader: Reader): void {
    const block = kind === 'extension' ? parseBlock(key.text) : undefined;
    if (block !== undefined) {
      this.blocks.push({ tenant, ...block });
      return;
    }
    const name = fullName(tenant, key.text);
    const names = this.names.get(kind) ?? new Map<string, Place>();
    this.names.set(kind, names);
    const earlier = names.get(name);
    if (earlier === undefined) {
      names.set(name, key.place);
      return;
    }
    reader.error(key.place, 'duplicate-name', `${kind} "${key.text}" is defined twice`, undefined, [
      { place: earlier, message: 'it is defined here first' },
    ]);
  }
}

/** What one file says of all it holds: names as a file of its tenant writes them, and its time zone. */
export class FileContext implements NameResolver {
  constructor(
    readonly declared: DeclaredNames,
    readonly tenant: string | undefined,
    readonly timezone: string | undefined,
  ) {}

  resolve(kind: string, node: TextNode, reader: Reader): string | null {
    const nameKind = kind as NameKind;
    const found = this.declared.find(nameKind, node.text, this.tenant);
    if (found !== undefined) return found;
    const message = `there is ${nameKind === 'hours' ? 'no hours' : `no ${nameKind}`} "${node.text}"`;
    return reader.refuse(node, `unknown-${nameKind}`, message, this.suggest(nameKind, node.text));
  }

  private suggest(kind: NameKind, name: string): string {
    const known = this.declared.known(kind, this.tenant);
    const near = didYouMean(name, known);
    if (near !== undefined) return near;
    const where =
      kind === 'trunk' ? 'trunks are defined in the settings' : `define it under ${SECTIONS[kind]}:`;
    if (kind === 'extension' && name.startsWith('+')) return 'an outside number is no extension here';
    return known.length === 0 || known.length > 12 ? where : `${where}; known: ${known.join(', ')}`;
  }
}

/** The context of the file that is read. */
export function contextOf(reader: Reader): FileContext {
  if (reader.names instanceof FileContext) return reader.names;
  throw new Error('a dialplan is read within a file context');
}
