import { randomHex } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Settings } from '../config/index.js';
import { createSignalling, type SignallingRoom } from '../signalling/index.js';
import { startSipWorker, type SipWorker } from '../sip-server/index.js';

/** Signalling and what it runs on: our own SIP server in a thread, or a drachtio-server. */
export interface SignallingEngine {
  readonly signalling: SignallingRoom;
  /** As `udp/127.0.0.1:5060`. */
  listeners(): readonly string[];
  /** Ends the SIP server; after `signalling.stop()`. */
  stop(): Promise<void>;
}

/** Binds the listeners. Throws `PORT_IN_USE` or `ADDRESS_UNAVAILABLE`; nothing is left bound then. */
export async function createSignallingEngine(
  settings: Settings,
  deps: {
    logger: Logger;
    onFailed: (error: Error) => void;
    /** A source that is no trunk sent so often what is no SIP message. */
    onMalformed: (address: string, count: number) => void;
  },
): Promise<SignallingEngine> {
  const { sip } = settings;
  const { logger } = deps;
  if (sip.drachtio !== undefined) {
    const signalling = createSignalling({
      engines: [{ id: 'drachtio', kind: 'drachtio', ...sip.drachtio }],
      logger,
      userAgent: sip.userAgent,
    });
    return { signalling, listeners: () => signalling.listeners(), stop: () => Promise.resolve() };
  }
  const secret = randomHex(16);
  const worker: SipWorker = await startSipWorker({
    listen: sip.listen.map((listener) => ({
      name: listener.name,
      transport: listener.transport === 'tcp' ? 'tcp' : 'udp',
      host: listener.host,
      port: listener.port,
      ...(listener.advertise !== undefined && { advertise: listener.advertise }),
    })),
    maxUdpBytes: sip.maxUdpBytes,
    userAgent: sip.userAgent,
    sessionTimers: 'application',
    passTrying: true,
    secret,
    logger,
    failed: deps.onFailed,
    onMalformed: (reports) => {
      for (const { address, count } of reports) deps.onMalformed(address, count);
    },
  });
  const signalling = createSignalling({
    engines: [
      {
        id: 'embedded',
        kind: 'embedded',
        secret,
        open: () => worker.socket,
        traits: { passesTrying: true },
        setGate: (rules) => {
          worker
            .setGate(rules)
            .catch((error: unknown) => logger.error({ err: error }, 'the gate refused its rules'));
        },
      },
    ],
    logger,
    userAgent: sip.userAgent,
  });
  const listeners = worker.listeners.map(({ url }) => url);
  return { signalling, listeners: () => listeners, stop: () => worker.stop() };
}
