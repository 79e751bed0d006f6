import { spawnSync } from 'node:child_process';

/** A reason to skip when a program is not installed, or false. In CI a missing program is a failure, so nothing is skipped there. */
export function missing(program: string): string | false {
  if (process.env['CI'] === 'true') return false;
  const found = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  return found ? false : `${program} is not installed`;
}
