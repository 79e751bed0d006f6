import type { Node } from '../../base/document.js';
import type { Reader } from '../../base/shape/index.js';

/** Warns of a secret that stands in the file itself rather than in the environment. */
export function noteSecret(reader: Reader, node: Node, what: 'password' | 'pin' | 'secret'): void {
  if (node.kind !== 'text' || node.fromEnvironment || node.text === '') return;
  const variable = what.toUpperCase();
  reader.warning(
    node.place,
    'secret-in-clear',
    `a ${what} is written in clear`,
    `take it from the environment: "\${SOME_${variable}}"`,
  );
}
