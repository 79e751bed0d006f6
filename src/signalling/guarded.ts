import type { Logger } from '../base/logger.js';

/** Runs what must not throw into srf, which would answer in its own way or close the control socket, nor into the event loop. */
export function guarded(logger: Logger, what: string, run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    logger.error(
      { what, error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
      'a signalling listener failed',
    );
    return false;
  }
}
