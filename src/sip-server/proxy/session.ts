import type { Timer } from '../../base/clock.js';
import { parseNameAddr, SipResponse, serializeForControl, type SipRequest } from '../../sip/index.js';
import type { ProxyCommand } from '../control/commands.js';
import type { ControlConnection } from '../control/connection.js';
import { proxyResponseFrame, responseFrame } from '../control/frames.js';
import { isOurselves, newTag, pickListener, readTarget } from '../dialog/compose.js';
import type { Core } from '../dialog/core.js';
import type { ClientFailure, ClientTransaction, ServerTransaction } from '../transaction/types.js';
import type { Flow } from '../transport/flow.js';
import { bestResponse, gatherChallenges } from './best-response.js';
import { copyForNextHop, Proxied, removeOwnVia } from './forward.js';
import type { RouteTokens } from './record-route.js';

/** Targets of one request, redirects included. */
const MAX_TARGETS = 32;
/** Timer C (RFC 3261 §16.6 step 11): a branch that rings longer is cancelled. */
const TIMER_C_MS = 185_000;

/** Header fields of a forwarded request an application cannot change. */
const FIXED = new Set([
  'Via',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Max-Forwards',
  'Route',
  'Record-Route',
  'Content-Length',
]);

interface Branch {
  readonly uri: string;
  tx: ClientTransaction | undefined;
  state: 'calling' | 'proceeding' | 'done';
  provisional: Timer | undefined;
  final: Timer | undefined;
}

export interface SessionDeps {
  readonly core: Core;
  readonly tokens: RouteTokens;
  readonly over: (session: ProxySession) => void;
}

/** One request an application has had proxied: RFC 3261 §16, section 2.7 of the control protocol. */
export class ProxySession extends Proxied {
  readonly #deps: SessionDeps;
  readonly #tx: ServerTransaction;
  readonly #app: ControlConnection;
  readonly #command: ProxyCommand;
  readonly #waiting: string[];
  readonly #seen = new Set<string>();
  readonly #branches: Branch[] = [];
  readonly #finals: SipResponse[] = [];
  /** `answered`: a final response is on its way upstream. */
  #state: 'trying' | 'cancelled' | 'answered' = 'trying';

  constructor(deps: SessionDeps, tx: ServerTransaction, app: ControlConnection, command: ProxyCommand) {
    super();
    this.#deps = deps;
    this.#tx = tx;
    this.#app = app;
    this.#command = command;
    this.#waiting = [...command.destinations];
  }

  start(): void {
    const { request } = this.#tx;
    if (request.maxForwards === 0) {
      this.#tx.respond(SipResponse.reply(request, 483, undefined, newTag()));
      return this.#refuse('Rejected with 483 Too Many Hops due to Max-Forwards value of 0');
    }
    this.#next();
    if (this.#branches.length === 0) {
      this.#tx.respond(SipResponse.reply(request, 500, undefined, newTag()));
      this.#refuse('error proxying request to ');
    }
  }

  cancel(): void {
    if (this.#state !== 'trying') return;
    this.#state = 'cancelled';
    this.#waiting.length = 0;
    for (const branch of this.#branches) this.#cancelBranch(branch);
    if (this.#allDone()) this.#answer();
  }

  #refuse(reason: string): void {
    this.#state = 'answered';
    this.#app.send(responseFrame(this.#command.id, 'NOK', reason));
    this.#deps.over(this);
  }

  /** Begins the next branch, or all of them. */
  #next(): void {
    while (this.#waiting.length > 0 && this.#state === 'trying') {
      const uri = this.#waiting.shift()!;
      if (this.#seen.has(uri) || this.#seen.size >= MAX_TARGETS) continue;
      this.#seen.add(uri);
      if (this.#begin(uri) && !this.#command.simultaneous) return;
    }
  }

  /** False: that target cannot be tried at all. */
  #begin(uri: string): boolean {
    const { core } = this.#deps;
    const target = readTarget(uri);
    if (target === undefined || isOurselves(core.layer.listeners, target)) return false;
    const request = this.#outgoing(uri);
    if (request === undefined) return false;
    const branch: Branch = { uri, tx: undefined, state: 'calling', provisional: undefined, final: undefined };
    this.#branches.push(branch);
    const { provisionalTimeoutMs, finalTimeoutMs } = this.#command;
    if (provisionalTimeoutMs !== undefined) {
      branch.provisional = core.clock.after(provisionalTimeoutMs, () => this.#giveUp(branch));
    }
    const invite = this.#tx.request.method === 'INVITE';
    if (finalTimeoutMs !== undefined)
      branch.final = core.clock.after(finalTimeoutMs, () => this.#giveUp(branch));
    else if (invite) branch.final = core.clock.after(TIMER_C_MS, () => this.#giveUp(branch));
    branch.tx = core.layer.send(
      request,
      { nextHop: nextHopOf(uri) },
      {
        response: (response, flow) => this.#response(branch, response, flow),
        failed: (why) => this.#failed(branch, why),
      },
    );
    return true;
  }

  #outgoing(uri: string): SipRequest | undefined {
    const { core, tokens } = this.#deps;
    const { request, flow } = this.#tx;
    const copy = copyForNextHop(request);
    if (copy === undefined) return undefined;
    const asked = readTarget(request.uri);
    if (asked !== undefined && isOurselves(core.layer.listeners, asked)) copy.uri = nextHopOf(uri);
    for (const [name, value] of this.#command.message.headers)
      if (!FIXED.has(name)) copy.headers.add(name, value);
    if (!this.#command.remainInDialog) return copy;
    const target = readTarget(uri)!;
    const to = pickListener(core.layer.listeners, target) ?? flow.listener;
    if (request.method === 'REGISTER') {
      const path = tokens.path(request, flow.listener, target.host);
      if (path !== undefined) {
        copy.headers.prepend('Path', path);
        copy.headers.add('Require', 'path');
      }
      return copy;
    }
    const routes = tokens.recordRoutes(request, flow.listener, to, {
      from: flow.remoteAddress,
      to: target.host,
    });
    for (const route of routes.reverse()) copy.headers.prepend('Record-Route', route);
    return copy;
  }

  /** A branch took too long: the next one's turn. */
  #giveUp(branch: Branch): void {
    if (branch.state === 'done') return;
    if (this.#tx.request.method === 'INVITE' && branch.state === 'proceeding') {
      // Its 487 comes through `#response`.
      this.#cancelBranch(branch);
      if (this.#state === 'trying' && !this.#command.simultaneous) this.#next();
      return;
    }
    branch.tx?.cancel();
    this.#failed(branch, 'timeout');
  }

  #cancelBranch(branch: Branch): void {
    if (branch.state !== 'done' && this.#tx.request.method === 'INVITE') branch.tx?.cancel();
  }

  #response(branch: Branch, response: SipResponse, flow: Flow): void {
    branch.provisional?.clear();
    const { status } = response;
    if (status < 200) return this.#provisional(branch, response);
    const first = branch.state !== 'done';
    if (first) {
      this.#finish(branch);
      this.#tell(response, flow);
    }
    if (status < 300) return this.#success(response);
    if (!first || this.#state === 'answered') return;
    if (status < 400 && this.#command.followRedirects && this.#redirect(response)) {
      this.#next();
    } else {
      this.#finals.push(response);
      if (status >= 600) this.#decline();
    }
    this.#afterFinal();
  }

  #provisional(branch: Branch, response: SipResponse): void {
    if (branch.state === 'done') return;
    branch.state = 'proceeding';
    if (response.status === 100 || this.#state === 'answered') return;
    if (this.#command.finalTimeoutMs === undefined && this.#tx.request.method === 'INVITE') {
      branch.final?.clear();
      branch.final = this.#deps.core.clock.after(TIMER_C_MS, () => this.#giveUp(branch));
    }
    if (removeOwnVia(response)) this.#tx.respond(response);
  }

  /** A 2xx goes upstream at once, each of a fork; the other branches are cancelled. */
  #success(response: SipResponse): void {
    const before = this.#state;
    this.#state = 'answered';
    if (removeOwnVia(response)) this.#tx.respond(response, { relayed: true });
    if (before === 'answered') return;
    if (this.#tx.request.method === 'INVITE') {
      this.#deps.core.cdr.start('network', 'proxy-uac', response);
      this.#deps.core.cdr.start('application', 'proxy-uas', response);
    }
    this.#done();
  }

  /** A 6xx ends the search (RFC 3261 §16.7 step 5). */
  #decline(): void {
    this.#waiting.length = 0;
    for (const branch of this.#branches) this.#cancelBranch(branch);
  }

  #failed(branch: Branch, why: ClientFailure): void {
    if (branch.state === 'done') return;
    this.#finish(branch);
    const status = why === 'timeout' ? 408 : why === 'cancelled' ? 487 : 503;
    const response = SipResponse.reply(this.#tx.request, status, undefined, newTag());
    this.#tell(response, undefined);
    if (this.#state === 'answered') return;
    this.#finals.push(response);
    this.#afterFinal();
  }

  #finish(branch: Branch): void {
    branch.state = 'done';
    branch.provisional?.clear();
    branch.final?.clear();
  }

  #afterFinal(): void {
    if (this.#state === 'trying') this.#next();
    if (this.#state !== 'answered' && this.#allDone() && this.#waiting.length === 0) this.#answer();
  }

  #allDone(): boolean {
    return this.#branches.every((branch) => branch.state === 'done');
  }

  /** True: the redirect named someone new. */
  #redirect(response: SipResponse): boolean {
    const before = this.#waiting.length;
    for (const contact of response.headers.list('Contact')) {
      const uri = parseNameAddr(contact)?.uri;
      if (uri !== undefined && !this.#seen.has(uri) && this.#waiting.length < MAX_TARGETS)
        this.#waiting.push(uri);
    }
    return this.#waiting.length > before;
  }

  /** No branch is left: the best response goes upstream. */
  #answer(): void {
    const cancelled = this.#state === 'cancelled';
    this.#state = 'answered';
    const { request } = this.#tx;
    const best = bestResponse(this.#finals);
    let response = best ?? SipResponse.reply(request, cancelled ? 487 : 408, undefined, newTag());
    if (best !== undefined) {
      gatherChallenges(best, this.#finals);
      // RFC 3261 §16.7 step 6: a 503 of one branch is not ours. Our own responses carry the caller's Vias only.
      const ours = best.headers.list('Via').length === request.headers.list('Via').length;
      if (best.status === 503 || (best.status === 408 && request.method !== 'INVITE')) {
        response = SipResponse.reply(request, 500, undefined, newTag());
      } else if (!ours) {
        removeOwnVia(best);
      }
    }
    this.#tx.respond(response);
    if (request.method === 'INVITE')
      this.#deps.core.cdr.stop('network', cancelled ? 'call-canceled' : 'call-rejected', response);
    this.#done();
  }

  #done(): void {
    for (const branch of this.#branches) {
      this.#cancelBranch(branch);
      branch.provisional?.clear();
      branch.final?.clear();
    }
    this.#app.send(responseFrame(this.#command.id, 'OK', 'done'));
    this.#deps.over(this);
  }

  #tell(response: SipResponse, flow: Flow | undefined): void {
    if (!this.#command.fullResponse || this.#state === 'answered') return;
    const raw = serializeForControl(response);
    const at = this.#deps.core.clock.now();
    this.#app.send(
      proxyResponseFrame(
        this.#command.id,
        {
          source: 'network',
          bytes: flow === undefined ? 0 : raw.length,
          protocol: flow?.transport ?? 'udp',
          address: flow?.remoteAddress ?? '',
          port: flow?.remotePort ?? 0,
          at,
        },
        raw,
      ),
    );
  }
}

function nextHopOf(uri: string): string {
  return /^(?:sips?|tel):/i.test(uri) ? uri : `sip:${uri}`;
}
