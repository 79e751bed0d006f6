import type { NumberRules } from '../model/index.js';
import { normalizeNumber } from '../numbers/index.js';

/** A number that may be called back, in E.164, for what a caller entered or called from; undefined: it is none. */
export function callbackNumber(digits: string, rules: NumberRules): string | undefined {
  const normalized = normalizeNumber(digits, rules);
  return normalized !== undefined && /^\+[1-9]\d{6,14}$/.test(normalized) ? normalized : undefined;
}
