import { watch } from 'chokidar';
import type { Clock, Timer } from '../base/clock.js';

/** Quiet time after the last change before it is told: editors and copies write in several strokes. */
const SETTLE_MS = 200;

/**
 * Tells when a dialplan file of the folder, or one in a folder below it, changes, comes or goes. Resolves once it watches.
 * A folder that cannot be watched is told to `onError`; a reload by hand still works then.
 */
export async function watchFolder(options: {
  readonly folder: string;
  readonly clock: Clock;
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}): Promise<{ close(): Promise<void> }> {
  let timer: Timer | undefined;
  const watcher = watch(options.folder, {
    ignoreInitial: true,
    ignored: (path, stats) => stats?.isFile() === true && !isDialplanFile(path),
  });
  watcher.on('all', (_event, path) => {
    if (!isDialplanFile(path)) return;
    timer?.clear();
    timer = options.clock.after(SETTLE_MS, options.onChange);
  });
  watcher.on('error', options.onError);
  await new Promise<void>((resolve) => {
    watcher.once('ready', resolve);
  });
  return {
    async close() {
      timer?.clear();
      await watcher.close();
    },
  };
}

/** `.~lock` and swap files of editors are none. */
function isDialplanFile(path: string): boolean {
  return /(^|[\\/])[^.\\/][^\\/]*\.(ya?ml|csv)$/i.test(path);
}
