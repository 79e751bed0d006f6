/** A constant, or the name of a call's variable or fact (`city`, `row.city`, `header.X-Account`). */
export type TextPart = string | { readonly variable: string };

export interface SubstitutedText {
  readonly text: string;
  /** Present only where variables are. */
  readonly parts?: readonly TextPart[];
  readonly fromEnvironment: boolean;
  readonly problems: readonly { readonly code: string; readonly message: string; readonly hint?: string }[];
}

const ENVIRONMENT_NAME = /^[A-Z_][A-Z0-9_]*$/;
const VARIABLE_NAME = /^[a-z][A-Za-z0-9-]*(\.[A-Za-z0-9_-]+)?$/;

/**
 * Puts the environment into a text, once: `${NAME}` and `${NAME:-default}` are looked up, `$$` becomes `$`, `${name}`
 * stays as a variable of the call. What the environment holds is never read again for variables. Linear time.
 */
export function substitute(raw: string, env: (name: string) => string | undefined): SubstitutedText {
  if (!raw.includes('$')) return { text: raw, fromEnvironment: false, problems: [] };
  const parts: TextPart[] = [];
  const problems: { code: string; message: string; hint?: string }[] = [];
  let constant = '';
  let fromEnvironment = false;
  let position = 0;
  while (position < raw.length) {
    const dollar = raw.indexOf('$', position);
    if (dollar < 0) {
      constant += raw.slice(position);
      break;
    }
    constant += raw.slice(position, dollar);
    const next = raw[dollar + 1];
    if (next === '$') {
      constant += '$';
      position = dollar + 2;
      continue;
    }
    if (next !== '{') {
      constant += '$';
      position = dollar + 1;
      continue;
    }
    const close = raw.indexOf('}', dollar);
    if (close < 0) {
      problems.push({
        code: 'bad-variable',
        message: '"${" without its "}"',
        hint: 'write "$$" for a dollar',
      });
      constant += raw.slice(dollar);
      break;
    }
    const inside = raw.slice(dollar + 2, close);
    position = close + 1;
    const colon = inside.indexOf(':-');
    const name = colon < 0 ? inside : inside.slice(0, colon);
    if (ENVIRONMENT_NAME.test(name)) {
      const value = env(name);
      fromEnvironment = true;
      // As in a shell, an empty variable takes the default too.
      if (colon >= 0 && (value === undefined || value === '')) constant += inside.slice(colon + 2);
      else if (value !== undefined) constant += value;
      else {
        const hint = `set it, or give a default: "\${${name}:-default}"`;
        problems.push({
          code: 'missing-environment',
          message: `the environment variable ${name} is not set`,
          hint,
        });
      }
    } else if (colon < 0 && VARIABLE_NAME.test(name)) {
      if (constant !== '') parts.push(constant);
      constant = '';
      parts.push({ variable: name });
    } else {
      const message = `"\${${inside}}" is neither an environment variable (capitals) nor a call's variable (lower case)`;
      problems.push({ code: 'bad-variable', message, hint: 'write "$$" for a dollar' });
      constant += raw.slice(dollar, close + 1);
    }
  }
  if (parts.length === 0) return { text: constant, fromEnvironment, problems };
  if (constant !== '') parts.push(constant);
  const text = parts.map((part) => (typeof part === 'string' ? part : `\${${part.variable}}`)).join('');
  return { text, parts, fromEnvironment, problems };
}
