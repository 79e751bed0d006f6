import type { Logger } from '../base/logger.js';
import type { Closed } from './ports.js';

/** A bug in a dialogue ends the dialogue, not the process. */
export async function guarded<End>(logger: Logger, run: () => Promise<End>): Promise<End | Closed> {
  try {
    return await run();
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    logger.error({ reason }, 'dialogue failed');
    return { kind: 'closed', fault: true };
  }
}
