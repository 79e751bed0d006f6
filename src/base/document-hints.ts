/** The rest of the line from `offset`. */
function restOfLine(text: string, offset: number): string {
  const end = text.indexOf('\n', offset);
  return text.slice(offset, Math.min(end < 0 ? text.length : end, offset + 400)).trimEnd();
}

/** An empty value with a comment behind it: `dial: #9`. */
export function commentHint(text: string, offset: number): string | undefined {
  const rest = /^[ \t]*(#\S.*)$/.exec(restOfLine(text, offset))?.[1];
  return rest === undefined ? undefined : `"${rest}" began a comment; quote it if it is the value`;
}

/** `Room #9`: a `#` with a digit or `*` right behind it, after a plain value that ends at `end`. */
export function swallowedComment(text: string, end: number): string | undefined {
  return /^[ \t]+(#[0-9*].*)$/.exec(restOfLine(text, end))?.[1];
}

/** What a syntax error of the yaml package most often comes from. */
export function syntaxHint(code: string, text: string, offset: number): string | undefined {
  const line = lastWrittenLine(text, offset);
  switch (code) {
    case 'BAD_ALIAS':
      return `quote a text that begins with "${text[offset] ?? '*'}"`;
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'quote a text that holds ": "';
    case 'BAD_SCALAR_START':
      return `quote a text that begins with "${text[offset] ?? '@'}"`;
    case 'TAB_AS_INDENT':
      return 'indent with spaces, not tabs';
    default:
      if (/[^"']\$\{/.test(line)) return 'quote a text that holds "${…}"';
      if (/[[{,][^"']*\s#/.test(line))
        return 'a "#" after a space began a comment; quote it if it is part of a value';
      return undefined;
  }
}

/** The line of the offset, or the last one before it that is not blank: an unclosed bracket is reported at the end. */
function lastWrittenLine(text: string, offset: number): string {
  const before = text.slice(Math.max(0, offset - 400), offset).trimEnd();
  const start = offset - (text.slice(Math.max(0, offset - 400), offset).length - before.length);
  const anchor = /\S/.test(restOfLine(text, offset)) ? offset : start;
  return restOfLine(text, text.lastIndexOf('\n', Math.max(0, anchor - 1)) + 1);
}
