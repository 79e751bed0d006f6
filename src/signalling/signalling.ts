import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { systemClock, type Clock } from '../base/clock.js';
import { AppError } from '../base/errors.js';
import { randomHex } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import { address, leaderRoute, routeLines } from './addressing.js';
import { AttemptLeg } from './attempt.js';
import { ClientRequest, type ClientRequestSpec } from './client-request.js';
import type { Core } from './core.js';
import {
  EMBEDDED_TRAITS,
  REFERENCE_TRAITS,
  type DrachtioEngine,
  type EngineOptions,
} from './engine-options.js';
import { LegTable } from './leg-table.js';
import { OpenRequests } from './open-requests.js';
import { failureOutcome, internalFailure } from './outcome.js';
import { DialogLeg } from './dialog.js';
import type {
  DialogRef,
  GateRules,
  RequestOutcome,
  RequestSpec,
  Signalling,
  SignallingEvents,
} from './port.js';
import { Orphans } from './orphans.js';
import { linesOf } from './reply.js';
import { Router } from './router.js';
import { Screen } from './screen.js';
import { checkUri, headerLine } from './srf/lines.js';
import { ControlLink } from './srf/link.js';

const DEFAULT_CONTROL_PORT = 9022;
const CONNECT_MS = 5000;
const DEFAULT_REQUEST_MS = 32_000;
/** How long `stop` waits for the answers to its last BYEs. Milliseconds. */
const LAST_WORDS_MS = 1000;

export interface SignallingOptions {
  /** At least one. New calls and requests take turns over those that are up, unless they name one. */
  readonly engines: readonly EngineOptions[];
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** Told as User-Agent and Server; none: neither is sent. */
  readonly userAgent?: string;
}

/** What is under way; all 0 when every call and request is over. */
export interface SignallingCounts {
  readonly legs: number;
  readonly openRequests: number;
  /** Commands without an answer and transactions, in drachtio-srf's tables too. */
  readonly pending: number;
}

export interface SignallingRoom extends Signalling {
  counts(): SignallingCounts;
}

/** Signalling over one or several engines. Nothing happens before `start`. */
export function createSignalling(options: SignallingOptions): SignallingRoom {
  const clock = options.clock ?? systemClock;
  const { logger } = options;
  const agent = options.userAgent;
  const serverLine = agent === undefined ? '' : headerLine('Server', agent);
  const core: Core = {
    clock,
    logger,
    random: options.random ?? Math.random,
    legs: new LegTable(),
    openRequests: new OpenRequests(clock, logger, serverLine),
    agentLine: agent === undefined ? '' : headerLine('User-Agent', agent),
    serverLine,
    route: (request, response) => router.inDialog(request, response),
  };
  const screen = new Screen(clock);
  const router = new Router(core, screen);
  const orphans = new Orphans(core, clock);
  let on: SignallingEvents | undefined;
  let rules: GateRules | undefined;
  let turn = 0;

  const down = (link: ControlLink): void => {
    core.openRequests.forget(link);
    const legs = core.legs.all().filter(([, leg]) => leg.link === link);
    orphans.remember(
      link,
      legs.filter(([, leg]) => leg instanceof DialogLeg).map(([dialogId]) => dialogId),
    );
    for (const [, leg] of legs) leg.engineLost();
    on?.engine('down', link.id);
    if (legs.length > 0) on?.engine('dialogs-lost', link.id);
  };
  const up = (link: ControlLink, engine: EngineOptions): void => {
    if (rules !== undefined && engine.kind === 'embedded') engine.setGate?.(rules);
    orphans.release(link);
    on?.engine('up', link.id);
  };
  const links = options.engines.map((engine) => {
    const screened = engine.kind === 'embedded' && engine.setGate !== undefined;
    const link: ControlLink = new ControlLink({
      id: engine.id,
      secret: engine.secret,
      traits: engine.kind === 'embedded' ? { ...EMBEDDED_TRAITS, ...engine.traits } : REFERENCE_TRAITS,
      open: () => (engine.kind === 'embedded' ? Promise.resolve(engine.open()) : openDrachtio(engine)),
      mustOpen: engine.kind === 'embedded',
      clock,
      logger,
      handle: (request, response) => router.handle(link, screened, request, response),
      up: () => up(link, engine),
      down,
    });
    return link;
  });
  const linkFor = (engineId: string | undefined): ControlLink => {
    const named = engineId === undefined ? undefined : links.find((link) => link.id === engineId);
    const ready = named === undefined ? links.filter((link) => link.isUp) : [];
    const link = named ?? ready[turn++ % ready.length] ?? links[0];
    if (link === undefined) throw new AppError('SIGNALLING_UNAVAILABLE', 'there is no signalling engine');
    return link;
  };

  return {
    start: async (events) => {
      on = events;
      router.listen(events);
      const connected = await Promise.all(links.map((link) => link.start()));
      if (!connected.includes(true)) logger.error({}, 'no signalling engine is connected yet; trying on');
    },
    drain: () => {
      router.drain();
      return Promise.resolve();
    },
    stop: async () => {
      router.drain();
      for (const [, leg] of core.legs.all()) leg.shutDown();
      await emptied(core, clock);
      for (const link of links) {
        link.stop();
        core.openRequests.forget(link);
      }
      for (const [, leg] of core.legs.all()) leg.engineLost();
    },
    dial: (spec, attempt) => new AttemptLeg(core, linkFor(spec.engineId), spec, attempt),
    request: (spec) =>
      spec.dialog === undefined
        ? sendOutside(core, linkFor(spec.engineId), spec)
        : sendInDialog(core, linkFor(spec.dialog.engineId), spec, spec.dialog),
    screen: (next) => {
      screen.set(next);
      rules = next;
      for (const engine of options.engines) if (engine.kind === 'embedded') engine.setGate?.(next);
    },
    listeners: () => links.flatMap((link) => link.listeners),
    counts: () => ({
      legs: core.legs.size,
      openRequests: core.openRequests.size,
      pending: links.reduce((sum, link) => sum + link.pending, 0),
    }),
  };
}

function sendOutside(core: Core, link: ControlLink, spec: RequestSpec): Promise<RequestOutcome> {
  const lines =
    `From: ${address(spec.from)};tag=${randomHex(6)}\r\n` +
    `To: ${address(spec.to)}\r\n` +
    `Call-ID: ${randomHex(16)}\r\n` +
    routeLines(spec.routes) +
    linesOf(spec.headers, spec.body) +
    core.agentLine;
  const proxy = leaderRoute(spec, link.traits.choosesListener);
  return sendRequest(core, link, {
    method: spec.method,
    uri: checkUri('the target', spec.target),
    lines,
    body: spec.body?.text,
    credentials: spec.credentials,
    timeoutMs: spec.timeoutMs ?? DEFAULT_REQUEST_MS,
    ...(proxy === undefined ? {} : { proxy }),
  });
}

function sendInDialog(
  core: Core,
  link: ControlLink,
  spec: RequestSpec,
  dialog: DialogRef,
): Promise<RequestOutcome> {
  return sendRequest(core, link, {
    method: spec.method,
    dialogId: dialog.id,
    lines: linesOf(spec.headers, spec.body) + core.agentLine,
    body: spec.body?.text,
    timeoutMs: spec.timeoutMs ?? DEFAULT_REQUEST_MS,
  });
}

function sendRequest(core: Core, link: ControlLink, request: ClientRequestSpec): Promise<RequestOutcome> {
  return new Promise((resolve) => {
    new ClientRequest(core, link, request, {
      final: (outcome) => {
        if (outcome.kind === 'failed') return resolve(failureOutcome(outcome));
        const { response } = outcome;
        const failure = outcome.internal ? internalFailure(response.status, response.reason) : undefined;
        resolve(failure ?? { kind: 'response', response });
      },
    });
  });
}

/** Resolves when no leg is left, or after a moment. */
function emptied(core: Core, clock: Clock): Promise<void> {
  const until = clock.monotonic() + LAST_WORDS_MS;
  return new Promise((resolve) => {
    const look = (): void => {
      if (core.legs.size === 0 || clock.monotonic() >= until) resolve();
      else clock.after(10, look);
    };
    look();
  });
}

function openDrachtio(engine: DrachtioEngine): Promise<Socket> {
  const port = engine.port ?? DEFAULT_CONTROL_PORT;
  return new Promise((resolve, reject) => {
    const socket =
      engine.tls === undefined
        ? connect({ host: engine.host, port })
        : connectTls({ ...engine.tls, host: engine.host, port });
    socket.setTimeout(CONNECT_MS, () =>
      socket.destroy(new Error('the connection could not be made in time')),
    );
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once(engine.tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      socket.setKeepAlive(true, 10_000);
      resolve(socket);
    });
  });
}
