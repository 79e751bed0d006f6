import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';

/** What the trunks need from outside; `app` supplies it. */
export interface TrunksDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Domain of our own URIs: `sip.domain`. */
  readonly domain: string;
  /** All addresses a host name stands for (A and AAAA, and those its SRV records name); empty when it cannot be resolved now. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly sendOptions: SendOptions;
  /** Told when the addresses of a trunk change, so that border and gate know them. */
  readonly onNetworksChanged: () => void;
}

/** Sends an OPTIONS outside a dialog; resolves with the status, or undefined when nothing came back. */
export type SendOptions = (request: {
  readonly target: string;
  readonly listener?: string;
  readonly timeoutMs: number;
}) => Promise<number | undefined>;
