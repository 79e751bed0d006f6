/** Prefixes that are often there or missing: country codes and dialling prefixes. */
const PREFIXES = ['+', '+1', '1', '00', '011', '0', '+44', '+49', '+33', '+61'];
const DIGITS = '0123456789';

/** Looks a few hundred slips up: a prefix too much or too few, one digit wrong, missing or too many, two swapped. Says it in words. */
export function findNearMiss(number: string, isKnown: (candidate: string) => boolean): string | undefined {
  if (number.length > 24) return undefined;
  for (const { candidate, why } of slips(number)) {
    if (candidate !== number && isKnown(candidate)) return `${candidate} ${why}`;
  }
  return undefined;
}

function* slips(number: string): Iterable<{ candidate: string; why: string }> {
  const bare = number.replace(/^\+/, '');
  for (const prefix of PREFIXES) yield { candidate: prefix + bare, why: `differs by a leading ${prefix}` };
  for (const prefix of PREFIXES) {
    if (!number.startsWith(prefix)) continue;
    const rest = number.slice(prefix.length);
    yield { candidate: rest, why: `has no leading ${prefix}` };
    yield { candidate: `+${rest}`, why: `begins with + instead of ${prefix}` };
  }
  const first = number.startsWith('+') ? 1 : 0;
  for (let index = first; index < number.length - 1; index++) {
    const candidate = number.slice(0, index) + number[index + 1]! + number[index]! + number.slice(index + 2);
    yield { candidate, why: `has its digits ${index + 1 - first} and ${index + 2 - first} swapped` };
  }
  for (let index = number.length - 1; index >= first; index--) {
    for (const digit of DIGITS) {
      const candidate = number.slice(0, index) + digit + number.slice(index + 1);
      yield { candidate, why: `differs in digit ${index + 1 - first}` };
    }
  }
  for (let index = number.length; index >= first; index--) {
    yield { candidate: number.slice(0, index) + number.slice(index + 1), why: 'has one digit less' };
    for (const digit of DIGITS)
      yield { candidate: number.slice(0, index) + digit + number.slice(index), why: 'has one digit more' };
  }
}
