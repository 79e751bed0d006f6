import type { Duplex } from 'node:stream';
import { systemClock } from '../base/clock.js';
import { AppError } from '../base/errors.js';
import { silentLogger } from '../base/logger.js';
import { Apps } from './control/apps.js';
import { ControlConnection } from './control/connection.js';
import { duplexLink, type ControlLink } from './control/link.js';
import { listenForControl, type ControlListener, type ControlListenerOptions } from './control/listener.js';
import { createCdr } from './dialog/cdr.js';
import type { Core } from './dialog/core.js';
import { createDispatch } from './dialog/dispatch.js';
import { createGuard, guardedClock, guardedLayer } from './dialog/guard.js';
import { createIncoming } from './dialog/incoming.js';
import { releaseBye } from './dialog/outgoing-in-dialog.js';
import { startSweep } from './dialog/sweep.js';
import { DialogTable } from './dialog/table.js';
import type { GateRules } from './gate/rules.js';
import { createMalformedReports, type MalformedReport } from './malformed-reports.js';
import { resolveOptions, type SipServerOptions } from './options.js';
import { createProxies } from './proxy/proxies.js';
import { createTransactionLayer } from './transaction/layer.js';
import type { TransactionStats, TransactionUser } from './transaction/types.js';
import type { Listener } from './transport/flow.js';

/** Options of the whole server: those of the transactions, and what dialogs and applications need. */
export interface ServerOptions extends SipServerOptions {
  /** What applications must bring to `authenticate` on the TCP port for them; `listen` needs it. */
  readonly secret?: string;
  /** `server` (default): RFC 4028 is kept by the server where a 2xx carries Session-Expires; `application`: by the applications. */
  readonly sessionTimers?: 'server' | 'application';
  /** Tells applications of 100 Trying too, which the reference does not: so that they can give up early on who says nothing. Default false. */
  readonly passTrying?: boolean;
  /** Sends `cdr:` frames to applications that route them. Default false. */
  readonly cdrs?: boolean;
  /**
   * Types of body understood in an INVITE, others get 415 (RFC 3261 §8.2.3); `multipart/*` means a family, `any` everything, as with the
   * reference. Default: session descriptions, multipart, and what gateways and recorders add.
   */
  readonly bodies?: readonly string[] | 'any';
  /** Dialogs alive at once. Default 100,000. */
  readonly maxDialogs?: number;
  /** How long dialogs wait for an application that is gone to come back with the same tags. Default 60 s. */
  readonly appGraceMs?: number;
  /** Told once a second at most, of 200 sources at most that are not trusted, how much they sent that is no SIP message. */
  readonly onMalformed?: (reports: readonly MalformedReport[]) => void;
}

/** What lives in the server; all zero when nothing goes on. */
export interface ServerStats extends TransactionStats {
  readonly dialogs: number;
  /** Requests applications owe an answer. */
  readonly pending: number;
  /** INVITEs of applications on their way. */
  readonly calls: number;
  readonly proxied: number;
  readonly applications: number;
}

export interface SipServer {
  /** Binds every listener or none; throws AppError PORT_IN_USE or ADDRESS_UNAVAILABLE. */
  start(): Promise<void>;
  /** New requests get 503 with Retry-After; dialogs go on. */
  drain(): void;
  stop(): Promise<void>;
  readonly listeners: readonly Listener[];
  /** Serves one application in this process over a stream; no secret is asked of it. */
  attach(control: Duplex): void;
  /** Serves one application in this process over a link of another kind. */
  attachLink(link: ControlLink): void;
  /** Opens a TCP port for applications. Throws AppError SETTINGS_INVALID without a secret, PORT_IN_USE or ADDRESS_UNAVAILABLE. */
  listen(options: ControlListenerOptions): Promise<ControlListener>;
  setGate(rules: GateRules): void;
  readonly stats: ServerStats;
}

const DEFAULT_BODIES = [
  'application/sdp',
  'multipart/*',
  'application/isup',
  'application/qsig',
  'application/rs-metadata+xml',
  'application/resource-lists+xml',
  'application/pidf+xml',
  'message/sipfrag',
  'message/sip',
  'text/plain',
];
const DEFAULT_MAX_DIALOGS = 100_000;
const DEFAULT_APP_GRACE_MS = 60_000;

/** A SIP server that applications steer by drachtio-server's control protocol. */
export function createSipServer(options: ServerOptions): SipServer {
  const { timers } = resolveOptions(options);
  const logger = options.logger ?? silentLogger;
  const guard = createGuard(logger);
  const clock = guardedClock(options.clock ?? systemClock, guard);
  const apps = new Apps();
  const links = new Set<ControlLink>();
  const control: ControlListener[] = [];
  let draining = false;
  let stopSweep: (() => void) | undefined;

  const { onMalformed } = options;
  const malformed =
    onMalformed &&
    createMalformedReports(clock, (reports) => {
      guard(() => onMalformed(reports));
    });
  // The layer and its user need each other; nothing comes in before `start`.
  const layer = createTransactionLayer(options, {
    request: (tx) => user.request(tx),
    ack: (ack, flow) => user.ack(ack, flow),
    cancel: (cancel, invite) => user.cancel(cancel, invite),
    strayResponse: (response, flow) => user.strayResponse(response, flow),
    ...(malformed && { malformed: (address, _reason, count) => malformed.note(address, count) }),
  });
  const core: Core = {
    layer: guardedLayer(layer, guard),
    guard,
    apps,
    dialogs: new DialogTable(),
    pending: new Map(),
    calls: new Map(),
    cdr: createCdr(apps, options.cdrs ?? false, () => clock.now()),
    clock,
    logger,
    settings: {
      bodies:
        options.bodies === 'any'
          ? undefined
          : (options.bodies ?? DEFAULT_BODIES).map((type) => type.toLowerCase()),
      sessionTimers: options.sessionTimers ?? 'server',
      passTrying: options.passTrying ?? false,
      maxDialogs: options.maxDialogs ?? DEFAULT_MAX_DIALOGS,
      appGraceMs: options.appGraceMs ?? DEFAULT_APP_GRACE_MS,
      t1Ms: timers.t1Ms,
      timeoutMs: timers.timeoutMs,
      userAgent: options.userAgent,
    },
  };
  const proxies = createProxies(core, options.secret);
  const user: TransactionUser = createIncoming({
    core,
    proxy: proxies,
    releaseBye: (dialog, leg) => releaseBye(core, dialog, leg),
    admits: () => !draining,
  });
  const dispatch = createDispatch(core, apps, (app, command) => proxies.proxy(app, command));

  const attachLink = (link: ControlLink, secret: string | undefined): void => {
    links.add(link);
    new ControlConnection(
      {
        ...link,
        listen: (on) =>
          link.listen({
            data: (chunk) => on.data(chunk),
            closed: () => {
              links.delete(link);
              on.closed();
            },
          }),
      },
      { user: dispatch, secret, hostports: () => hostports(layer.listeners), clock, logger },
    );
  };

  return {
    start: async () => {
      await layer.start();
      stopSweep = startSweep(core);
    },
    drain: () => {
      draining = true;
    },
    stop: async () => {
      stopSweep?.();
      malformed?.stop();
      await Promise.all(control.map((listener) => listener.stop()));
      for (const link of links) link.destroy();
      await layer.stop();
    },
    get listeners() {
      return layer.listeners;
    },
    attach: (stream) => attachLink(duplexLink(stream, 'in process'), undefined),
    attachLink: (link) => attachLink(link, undefined),
    listen: async (listen) => {
      const { secret } = options;
      if (secret === undefined || secret === '') {
        throw new AppError(
          'SETTINGS_INVALID',
          'a control port needs a secret: whoever reaches it steers the server',
        );
      }
      const listener = await listenForControl(listen, logger, (socket) => {
        attachLink(duplexLink(socket, `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`), secret);
      });
      control.push(listener);
      return listener;
    },
    setGate: (rules) => layer.setGate(rules),
    get stats() {
      return {
        ...layer.stats,
        dialogs: core.dialogs.size,
        pending: core.pending.size,
        calls: core.calls.size,
        proxied: proxies.size,
        applications: apps.size,
      };
    },
  };
}

/** `tcp/192.0.2.1:5060,udp/192.0.2.1:5060` as others see us, and as bound. */
function hostports(listeners: readonly Listener[]): { advertised: string; bound: string } {
  return {
    advertised: listeners.map((listener) => `${listener.transport}/${listener.sentBy}`).join(','),
    bound: listeners.map((listener) => listener.url).join(','),
  };
}
