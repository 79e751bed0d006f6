import { ERRORS } from './errors.js';

/** The page docs/errors.md, from the catalogue; `npm run docs` writes it, and a test fails when the two differ. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { summary, remedy, status }]) => `## ${code}\n\n${summary}. (HTTP ${status})\n\n${remedy}\n`,
  );
  return [
    '# Errors',
    '',
    'Every fault a user can meet has a code. The command line prints it with the cause and the remedy; the API answers with it as',
    '`{"error": {"code", "message", "remedy"}}`. This page is made from `src/base/errors.ts` by `npm run docs`.',
    '',
    ...rows,
  ].join('\n');
}
