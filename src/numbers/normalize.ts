import type { NumberForm, NumberRules } from '../model/index.js';
import { unescapeUri, type Uri } from '../sip/index.js';
import { findCountry, type Country } from './countries.js';
import { MAX_NUMBER_LENGTH } from './pattern.js';

const E164 = /^\+[1-9]\d{3,14}$/;
/** RFC 3966 visual separators, and the spaces people put in. */
const SEPARATORS = /[-.()\s]/g;

/** The number as a peer wrote it, without escapes, parameters and separators; `*` and `#` stay. Undefined when it is no number. */
function plainNumber(raw: string): { readonly number: string; readonly context?: string } | undefined {
  if (raw.length > 8 * MAX_NUMBER_LENGTH) return undefined;
  const text = raw.includes('%') ? unescapeUri(raw) : raw;
  const semicolon = text.indexOf(';');
  const number = (semicolon === -1 ? text : text.slice(0, semicolon)).replace(SEPARATORS, '');
  if (!/^\+?[\d*#]{1,32}$/.test(number)) return undefined;
  const context = semicolon === -1 ? undefined : /;phone-context=(\+[\d.()-]+)/i.exec(text)?.[1];
  return context === undefined ? { number } : { number, context: context.replace(SEPARATORS, '') };
}

/**
 * A number as a peer wrote it in E.164, by the forms its rules admit, in their order; with the form `short`, what fits no other form
 * comes back as plain digits. Undefined when it fits none. `npdi` and `rn` (RFC 4694) are left aside: a ported number routes like any
 * other.
 */
export function normalizeNumber(raw: string, rules: NumberRules): string | undefined {
  const plain = plainNumber(raw);
  if (plain === undefined) return undefined;
  return normalizePlain(plain.number, plain.context, rules);
}

function normalizePlain(number: string, context: string | undefined, rules: NumberRules): string | undefined {
  // RFC 3966 §5.1.5: a global context says what to put before a local number.
  if (context !== undefined && !number.startsWith('+') && E164.test(context + number))
    return context + number;
  const country = findCountry(rules.country);
  for (const form of rules.receive) {
    const found = readForm(number, form, country, rules.areaCode);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The number of a `sip:`, `sips:` or `tel:` URI, read by a peer's rules. */
export function numberFromUri(uri: Uri, rules: NumberRules): string | undefined {
  if (uri.user === undefined) return undefined;
  const plain = plainNumber(uri.user);
  if (plain === undefined) return undefined;
  const context = plain.context ?? globalContext(uri);
  return normalizePlain(plain.number, context, rules);
}

function globalContext(uri: Uri): string | undefined {
  const context = uri.params.get('phone-context');
  return context?.startsWith('+') === true ? context.replace(SEPARATORS, '') : undefined;
}

function readForm(
  number: string,
  form: NumberForm,
  country: Country | undefined,
  areaCode: string | undefined,
): string | undefined {
  if (form === '+e164') return E164.test(number) ? number : undefined;
  if (form === 'short') return number.startsWith('+') ? undefined : number;
  if (!/^\d+$/.test(number)) return undefined;
  switch (form) {
    case 'e164':
      return number.length >= 8 && E164.test(`+${number}`) ? `+${number}` : undefined;
    case '00e164':
      for (const prefix of ['00', country?.internationalPrefix ?? '00']) {
        const rest = `+${number.slice(prefix.length)}`;
        if (number.startsWith(prefix) && E164.test(rest)) return rest;
      }
      return undefined;
    case 'national':
      return country && readNational(number, country);
    case 'local': {
      if (country === undefined || areaCode === undefined || number.startsWith('0')) return undefined;
      return fitsCountry(areaCode + number, country) ? `+${country.code}${areaCode}${number}` : undefined;
    }
  }
}

function readNational(number: string, country: Country): string | undefined {
  const { code, trunkPrefix } = country;
  if (trunkPrefix !== '' && number.startsWith(trunkPrefix)) {
    const rest = number.slice(trunkPrefix.length);
    if (fitsCountry(rest, country)) return `+${code}${rest}`;
  }
  // Where `0` opens a national number, digits without it are local or short; in North America and where there is no prefix they are whole.
  const needsPrefix = trunkPrefix !== '' && code !== '1';
  return !needsPrefix && fitsCountry(number, country) ? `+${code}${number}` : undefined;
}

function fitsCountry(national: string, country: Country): boolean {
  if (national.length < country.minLength || national.length > country.maxLength) return false;
  // North America: area code and exchange begin with 2 to 9.
  return country.code !== '1' || /^[2-9]\d\d[2-9]/.test(national);
}

/** An E.164 number in the form a peer wants it (`send`); what is not E.164, or not of the peer's country, stays as near as the form allows. */
export function formatNumber(number: string, rules: NumberRules): string {
  if (!number.startsWith('+')) return number;
  const digits = number.slice(1);
  const country = findCountry(rules.country);
  const isDomestic = country !== undefined && digits.startsWith(country.code);
  switch (rules.send) {
    case '+e164':
      return number;
    case 'e164':
      return digits;
    case '00e164':
      return `00${digits}`;
    case 'national':
      if (!isDomestic) return `${country?.internationalPrefix ?? '00'}${digits}`;
      return country.code === '1' ? digits.slice(1) : country.trunkPrefix + digits.slice(country.code.length);
    case 'local':
    case 'short': {
      if (!isDomestic) return `${country?.internationalPrefix ?? '00'}${digits}`;
      const national = digits.slice(country.code.length);
      const { areaCode } = rules;
      return areaCode !== undefined && national.startsWith(areaCode)
        ? national.slice(areaCode.length)
        : national;
    }
  }
}
