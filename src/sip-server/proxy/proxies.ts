import { SipResponse, type SipRequest } from '../../sip/index.js';
import type { ProxyCommand } from '../control/commands.js';
import type { ControlConnection } from '../control/connection.js';
import { responseFrame } from '../control/frames.js';
import { newTag } from '../dialog/compose.js';
import type { Core } from '../dialog/core.js';
import { endDialog, forgetPending } from '../dialog/ending.js';
import type { ProxyDoor } from '../dialog/incoming.js';
import type { ClientTransaction, ServerTransaction } from '../transaction/types.js';
import { copyForNextHop, Proxied, removeOwnVia } from './forward.js';
import { createRouteTokens, type RouteTokens } from './record-route.js';
import { ProxySession } from './session.js';

export interface Proxies extends ProxyDoor {
  /** Section 2.7 of the control protocol. */
  proxy(app: ControlConnection, command: ProxyCommand): void;
  /** Requests being proxied. */
  readonly size: number;
}

export function createProxies(core: Core, secret: string | undefined): Proxies {
  const tokens = createRouteTokens(secret);
  const active = new Set<Proxied>();
  return {
    get size() {
      return active.size;
    },
    proxy: (app, command) => {
      const pending = core.pending.get(command.txnId);
      if (
        pending === undefined ||
        pending.state === 'final' ||
        pending.kind === 'bye' ||
        pending.kind === 'reinvite'
      ) {
        return app.send(
          responseFrame(command.id, 'NOK', `Unknown transaction id: ${command.txnId.slice(0, 64)}`),
        );
      }
      const { tx, dialog } = pending;
      forgetPending(core, pending);
      if (pending.kind === 'invite' && dialog !== undefined) endDialog(core, dialog);
      tx.onTerminated = undefined;
      const session = new ProxySession(
        { core, tokens, over: (done) => active.delete(done) },
        tx,
        app,
        command,
      );
      tx.data = session;
      active.add(session);
      session.start();
    },
    forward: (tx) => {
      const onward = withoutOwnRoutes(tx.request, tokens);
      if (onward === undefined) return false;
      const forwarded = new Forwarded(core, tx, (done) => active.delete(done));
      tx.data = forwarded;
      active.add(forwarded);
      forwarded.start(onward);
      return true;
    },
    forwardAck: (ack) => {
      const onward = withoutOwnRoutes(ack, tokens);
      if (onward === undefined) return false;
      if (onward !== 'no hop left') core.layer.sendDirect(onward, {});
      return true;
    },
    cancel: (invite) => {
      if (!(invite.data instanceof Proxied)) return false;
      invite.data.cancel();
      return true;
    },
  };
}

/** The request as it goes on when its Route led here by a token of ours (RFC 3261 §16.4); undefined: it did not. */
function withoutOwnRoutes(request: SipRequest, tokens: RouteTokens): SipRequest | 'no hop left' | undefined {
  const own = tokens.ownRoutes(request);
  const strict = request.uri.startsWith('sip:rr-') && tokens.isOwn(request.uri, request);
  if (own === 0 && !strict) return undefined;
  const copy = copyForNextHop(request);
  if (copy === undefined) return 'no hop left';
  const routes = request.headers.list('Route').slice(own);
  const last = strict ? routes.pop() : undefined;
  if (strict && last === undefined) return undefined;
  // A strict router before us has put our URI in the place of the target, which stands last.
  if (last !== undefined) copy.uri = last.replace(/^.*<|>.*$/g, '');
  copy.headers.delete('Route');
  for (const route of routes) copy.headers.add('Route', route);
  return copy;
}

/** A request inside a call that was proxied and comes by us: one way on, responses back. */
class Forwarded extends Proxied {
  #branch: ClientTransaction | undefined;
  #over = false;

  constructor(
    readonly core: Core,
    readonly tx: ServerTransaction,
    readonly done: (self: Proxied) => void,
  ) {
    super();
  }

  start(onward: SipRequest | 'no hop left'): void {
    if (onward === 'no hop left') return this.#answer(483);
    if (this.tx.request.method === 'BYE') this.core.cdr.stop('network', 'normal-release', this.tx.request);
    this.#branch = this.core.layer.send(
      onward,
      {},
      {
        response: (response) => this.#response(response),
        failed: (why) => this.#answer(why === 'timeout' && this.tx.request.method === 'INVITE' ? 408 : 500),
      },
    );
  }

  cancel(): void {
    this.#branch?.cancel();
  }

  #response(response: SipResponse): void {
    const { status } = response;
    if (status === 100 || !removeOwnVia(response)) return;
    this.tx.respond(response, { relayed: true });
    if (status >= 200) this.#end();
  }

  #answer(status: number): void {
    if (!this.#over) this.tx.respond(SipResponse.reply(this.tx.request, status, undefined, newTag()));
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.done(this);
  }
}
