import { join, sep } from 'node:path';

/** The path of a recording's file; undefined where its row, damaged or put there by hand, leads out of the folder. */
export function pathInside(folder: string, file: string): string | undefined {
  const path = join(folder, file);
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep) ? path : undefined;
}
