import type { Place } from '../base/diagnostic.js';
import type { Node, TextNode } from '../base/document.js';
import { substitute } from '../base/document-text.js';
import { didYouMean, Reader, type NameResolver } from '../base/shape/index.js';
import { findExtension } from './find-extension.js';
import { steps } from './language/steps.js';
import type { Plan, Steps } from './plan.js';

export type StepsReading =
  { readonly kind: 'steps'; readonly steps: Steps } | { readonly kind: 'invalid'; readonly why: string };

const PLACE: Place = { file: 'reply', line: 1, column: 1 };
const MAX_DEPTH = 32;
const MAX_NODES = 10_000;

/**
 * Reads a webhook's reply (parsed JSON: a step, a list of steps, `{}` for none, or `{ "steps": … }`) against the names
 * of a plan. A reply is hostile input: its size and depth are bounded, and none of it runs unless all of it is right.
 */
export function readSteps(reply: unknown, plan: Plan, tenant?: string): StepsReading {
  const budget = { left: MAX_NODES };
  const node = nodeOf(unwrap(reply), 0, budget);
  if (node === undefined)
    return { kind: 'invalid', why: 'it is too large, too deep, or holds what is neither text nor a number' };
  if (node.kind === 'map' && node.entries.length === 0) return { kind: 'steps', steps: [] };
  const reader = new Reader(new PlanNames(plan, tenant));
  const read = steps.read(node, reader);
  if (read !== null) return { kind: 'steps', steps: read };
  const [first] = reader.diagnostics;
  const hint = first?.hint === undefined ? '' : ` (${first.hint})`;
  return { kind: 'invalid', why: `${first?.message ?? 'it is not a list of steps'}${hint}` };
}

function unwrap(reply: unknown): unknown {
  if (typeof reply !== 'object' || reply === null || Array.isArray(reply) || !Object.hasOwn(reply, 'steps'))
    return reply;
  return (reply as { steps: unknown }).steps;
}

function nodeOf(value: unknown, depth: number, budget: { left: number }): Node | undefined {
  if (depth > MAX_DEPTH || budget.left-- <= 0) return undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return textOf(String(value));
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => nodeOf(item, depth + 1, budget));
    return items.includes(undefined) ? undefined : { kind: 'list', place: PLACE, items: items as Node[] };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries: { key: TextNode; value: Node }[] = [];
  for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
    const node = nodeOf(inner, depth + 1, budget);
    if (node === undefined) return undefined;
    entries.push({
      key: { kind: 'text', place: PLACE, text: key, quoted: true, fromEnvironment: false },
      value: node,
    });
  }
  return { kind: 'map', place: PLACE, entries };
}

/** A reply may use the call's variables; the environment is none of its business. */
function textOf(raw: string): TextNode {
  const read = substitute(raw, () => '');
  return {
    kind: 'text',
    place: PLACE,
    text: read.text,
    ...(read.parts !== undefined && { parts: read.parts }),
    quoted: true,
    fromEnvironment: false,
  };
}

/** The names of a plan in force. */
class PlanNames implements NameResolver {
  constructor(
    private readonly plan: Plan,
    private readonly tenant: string | undefined,
  ) {}

  resolve(kind: string, node: TextNode, reader: Reader): string | null {
    if (kind === 'trunk') return node.text;
    if (kind === 'extension') {
      const found = findExtension(this.plan, node.text, this.tenant);
      if (found !== undefined) return found.name;
    }
    const names = this.namesOf(kind);
    const own = `${this.tenant ?? ''}/${node.text}`;
    if (this.tenant !== undefined && names.has(own)) return own;
    if (names.has(node.text)) return node.text;
    return reader.refuse(
      node,
      `unknown-${kind}`,
      `there is no ${kind} "${node.text}"`,
      didYouMean(node.text, names.keys()),
    );
  }

  private namesOf(kind: string): ReadonlyMap<string, unknown> {
    const { plan } = this;
    const maps: Readonly<Record<string, ReadonlyMap<string, unknown>>> = {
      list: plan.lists,
      calendar: plan.calendars,
      hours: plan.hours,
      menu: plan.menus,
      queue: plan.queues,
      extension: plan.extensions,
      device: plan.devices,
      mailbox: plan.mailboxes,
      site: plan.sites,
      route: plan.routes,
      rota: plan.rotas,
      survey: plan.surveys,
      conference: plan.conferences,
    };
    return maps[kind] ?? new Map();
  }
}
