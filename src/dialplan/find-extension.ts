import { showPlace } from '../base/diagnostic.js';
import type { ExtensionDefinition, Plan } from './plan.js';

/** An extension as it is called: a block's definition serves all its numbers. */
export interface FoundExtension {
  readonly definition: ExtensionDefinition;
  /** As the plan names it, the tenant before it: `acme/201`. */
  readonly name: string;
  /** Without the tenant: what a PBX is asked for. */
  readonly digits: string;
  /** Names the definition in a call's state: its name, or the place of a block. */
  readonly key: string;
}

/** The extension of this name: the tenant's before the shared, a single one before a block, the narrowest block first. */
export function findExtension(
  plan: Plan,
  name: string,
  tenant: string | undefined,
): FoundExtension | undefined {
  const cut = name.lastIndexOf('/');
  const own = cut === -1 ? tenant : name.slice(0, cut);
  const digits = cut === -1 ? name : name.slice(cut + 1);
  if (own !== undefined) {
    const found = findIn(plan, digits, own);
    if (found !== undefined) return found;
    if (cut !== -1) return undefined;
  }
  return findIn(plan, digits, undefined);
}

function findIn(plan: Plan, digits: string, tenant: string | undefined): FoundExtension | undefined {
  const name = tenant === undefined ? digits : `${tenant}/${digits}`;
  const definition = plan.extensions.get(name);
  if (definition !== undefined) return { definition, name, digits, key: name };
  if (!/^\d+$/.test(digits)) return undefined;
  const block = plan.extensionBlocks.find((one) => {
    if (one.tenant !== tenant || typeof one.name === 'string') return false;
    const lo = bareName(one.name.lo);
    const hi = bareName(one.name.hi);
    return lo.length === digits.length && lo <= digits && digits <= hi;
  });
  return block === undefined ? undefined : { definition: block, name, digits, key: showPlace(block.place) };
}

/** A name without its tenant. */
export function bareName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
