import type { NumberRules } from '../model/index.js';
import { numberFromUri } from '../numbers/index.js';
import type { Uri } from '../sip/index.js';
import { plainUser } from './read-identity.js';

/** A number as it stood in a message. */
export interface StatedNumber {
  /** The user part as it came, escapes resolved. */
  readonly raw: string;
  /** E.164 with `+`, or the digits of a short number; undefined when it is no number. */
  readonly number?: string;
}

/** Reads the number of a URI by a peer's rules: visual separators, `%2B`, `;npdi;rn=`, `tel:` and `user=phone` are understood. */
export function statedNumber(uri: Uri, rules: NumberRules): StatedNumber {
  const raw = plainUser(uri.user);
  const number = numberFromUri(uri, rules);
  return number === undefined ? { raw } : { raw, number };
}
