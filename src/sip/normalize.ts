import { isSpace } from './chars.js';

/** The replacement for a control character that stood in a quoted pair. */
const REPLACEMENT = '\ufffd';

const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Whether `value` holds a control character other than tab. */
export function hasControl(value: string): boolean {
  return CONTROL.test(value);
}

/** Runs of white space outside quoted strings become one space: by RFC 3261 §25.1 they mean the same. */
export function collapseSpace(value: string): string {
  if (!value.includes('  ') && !value.includes('\t')) return value;
  let out = '';
  let from = 0;
  let quoted = false;
  const end = value.length;
  for (let i = 0; i < end; i++) {
    const code = value.charCodeAt(i);
    if (code === 0x22) {
      quoted = !quoted;
    } else if (code === 0x5c && quoted) {
      i++;
    } else if (!quoted && isSpace(code)) {
      let next = i + 1;
      while (next < end && isSpace(value.charCodeAt(next))) next++;
      if (next > i + 1 || code === 0x09) {
        out += `${value.slice(from, i)} `;
        from = next;
        i = next - 1;
      }
    }
  }
  return out + value.slice(from);
}

/**
 * A value without control characters (tab excepted). In a quoted pair of a quoted string they are legal (RFC 3261 §25.1) and
 * replaced; `legal` tells whether all of them stood there.
 */
export function replaceControls(value: string): { value: string; legal: boolean } {
  let out = '';
  let legal = true;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0x22) quoted = !quoted;
    if (code === 0x5c && quoted && i + 1 < value.length) {
      i++;
      const next = value.charCodeAt(i);
      out += isControl(next) ? REPLACEMENT : value.slice(i - 1, i + 1);
      if (next === 0x0d || next === 0x0a) legal = false;
    } else if (isControl(code)) {
      out += REPLACEMENT;
      legal = false;
    } else {
      out += value[i]!;
    }
  }
  return { value: out, legal };
}

function isControl(code: number): boolean {
  return (code < 0x20 && code !== 0x09) || code === 0x7f;
}
