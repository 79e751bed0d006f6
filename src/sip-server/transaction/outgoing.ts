import { parseNameAddr, parseUri, type SipRequest, type Uri } from '../../sip/index.js';
import type { Resolution, TargetResolver } from '../dns/resolve-target.js';
import type { Path } from '../transport/path.js';
import type { Target, Transport } from '../transport/transport.js';
import {
  newBranch,
  OutgoingRequest,
  viaFor,
  type ClientTransactionDeps,
  type Located,
  type Route,
} from './client-transaction.js';
import { SentBytes } from './sent-bytes.js';
import type { ClientTransaction, ClientUser, Destination, SendOutcome } from './types.js';

export interface OutgoingDeps extends ClientTransactionDeps {
  readonly transport: Transport;
  readonly resolver: TargetResolver;
  /** Larger requests go over TCP where that is possible; Infinity: no such limit. */
  readonly maxUdpBytes: number;
}

/** Requests that leave: finds the way, and hands over to a transaction or sends without one. */
export interface Outgoing {
  send(request: SipRequest, to: Destination, user: ClientUser): ClientTransaction;
  sendDirect(request: SipRequest, to: Destination, done?: (sent: SendOutcome) => void): void;
  /** What still waits for DNS will not be sent, and nobody is told. */
  stop(): void;
}

export function createOutgoing(deps: OutgoingDeps): Outgoing {
  const { transport, resolver, maxUdpBytes } = deps;
  let stopped = false;

  /** Calls `then` at once unless DNS has to be asked. */
  function locate(request: SipRequest, to: Destination, then: (where: Located) => void): void {
    if (to.flow !== undefined) {
      const path = transport.pathBack(to.flow);
      then(path === undefined ? { failure: 'transport' } : { route: singlePath(path) });
      return;
    }
    const uri = nextHopOf(request, to);
    if (uri === undefined) {
      then({ failure: 'dns' });
      return;
    }
    const found = (resolution: Resolution): void => {
      if (stopped) return;
      switch (resolution.kind) {
        case 'targets':
          then({ route: new TargetRoute([...resolution.targets], transport, to.listener, maxUdpBytes) });
          break;
        case 'unsupported':
          then({ failure: 'transport' });
          break;
        case 'none':
          then({ failure: 'dns' });
          break;
      }
    };
    const resolution = resolver.atOnce(uri);
    if (resolution === undefined) void resolver.byName(uri).then(found);
    else found(resolution);
  }

  function sendAlong(request: SipRequest, route: Route, done: (sent: SendOutcome) => void): void {
    const branch = newBranch();
    let stamped = false;
    const stamp = (path: Path): Buffer => {
      if (stamped) request.headers.deleteFirst('Via');
      stamped = true;
      request.headers.prepend('Via', viaFor(path, branch));
      return request.toBuffer();
    };
    const next = (): SendOutcome => {
      const path = route.next((candidate) => stamp(candidate).length);
      if (path === undefined) return { error: 'transport' };
      const bytes = stamp(path);
      deps.env.sent(false);
      path.send(bytes, route.more ? next : undefined);
      return new SentBytes(bytes, path, deps.clock.now());
    };
    done(next());
  }

  return {
    stop() {
      stopped = true;
    },
    send(request, to, user) {
      const outgoing = new OutgoingRequest(request, user, deps);
      locate(request, to, (where) => outgoing.located(where));
      return outgoing;
    },
    sendDirect(request, to, done = () => undefined) {
      locate(request, to, (where) => {
        if ('route' in where) sendAlong(request, where.route, done);
        else done({ error: where.failure === 'dns' ? 'dns' : 'transport' });
      });
    },
  };
}

/** RFC 3261 §8.1.2: the topmost Route, else the Request-URI; `nextHop` beats both. */
function nextHopOf(request: SipRequest, to: Destination): Uri | undefined {
  if (to.nextHop !== undefined) return parseUri(to.nextHop);
  const route = request.headers.has('Route') ? request.headers.list('Route')[0] : undefined;
  return route === undefined ? parseUri(request.uri) : parseNameAddr(route)?.parsed;
}

function singlePath(path: Path): Route {
  let left: Path | undefined = path;
  return {
    next() {
      const now = left;
      left = undefined;
      return now;
    },
    get more() {
      return left !== undefined;
    },
  };
}

class TargetRoute implements Route {
  private index = 0;
  /** The target that is to be tried over UDP although the request is large, since TCP was. */
  private fallback: Target | undefined;

  constructor(
    private readonly targets: readonly Target[],
    private readonly transport: Transport,
    private readonly listener: string | undefined,
    private readonly maxUdpBytes: number,
  ) {}

  get more(): boolean {
    return this.fallback !== undefined || this.index < this.targets.length;
  }

  next(sizeOf: (path: Path) => number): Path | undefined {
    if (this.fallback !== undefined) {
      const path = this.transport.pathTo(this.fallback, this.listener);
      this.fallback = undefined;
      return path;
    }
    while (this.index < this.targets.length) {
      const target = this.targets[this.index++]!;
      const path = this.transport.pathTo(target, this.listener);
      if (path === undefined) continue;
      if (target.transport === 'tcp' || this.maxUdpBytes === Infinity || sizeOf(path) <= this.maxUdpBytes)
        return path;
      // RFC 3261 §18.1.1: too large for UDP goes over TCP, and back to UDP when the peer has none.
      const tcp = this.transport.pathTo({ ...target, transport: 'tcp' }, this.listener);
      if (tcp === undefined) return path;
      this.fallback = target;
      return tcp;
    }
    return undefined;
  }
}
