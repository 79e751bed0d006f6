import { AppError } from '../base/errors.js';
import { createDidIndex, parsePattern } from '../numbers/index.js';

/** Many number patterns as one test. Throws `SETTINGS_INVALID` on one that is none. */
export function compileNumbers(patterns: readonly string[]): (number: string) => boolean {
  const index = createDidIndex<number>();
  for (const text of patterns) {
    const pattern = parsePattern(text);
    if ('error' in pattern)
      throw new AppError('SETTINGS_INVALID', `"${text}" is no number or pattern: ${pattern.error}`);
    index.add(pattern, 1);
  }
  index.freeze();
  return (number) => index.lookup(number).length > 0;
}
