import { createHash } from 'node:crypto';
import { AppError } from '../base/errors.js';
import type { CommandIo } from './io.js';

const ROLES = ['viewer', 'operator', 'admin'];

/** `trunkline keys add NAME --role ROLE`: makes an API key, shows it once, and the line for the settings that holds its hash. */
export function addKey(
  name: string,
  role: string,
  randomHex: (bytes: number) => string,
  io: CommandIo,
): number {
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) {
    throw new AppError('USAGE', `"${name}" is no name for a key: use lower-case letters, digits and dashes`);
  }
  if (!ROLES.includes(role))
    throw new AppError('USAGE', `"${role}" is no role; there are ${ROLES.join(', ')}`);
  const key = `tk_${randomHex(24)}`;
  const hash = `sha256:${createHash('sha256').update(key).digest('hex')}`;
  io.out(`The key, shown this once: ${key}`);
  io.out('Add to the settings file, under api.keys, and reload:');
  io.out(`  - { name: ${name}, role: ${role}, hash: "${hash}" }`);
  return 0;
}
