import type { IncomingRequest } from '../signalling/index.js';
import type { BridgedLeg } from './bridge.js';

/** Headers of an INFO that go along: its package and what its body is for (RFC 6086). */
const INFO_HEADERS = ['Info-Package', 'Content-Disposition', 'Recv-Info'];

/** Hands an INFO on to the partner, and its answer back. */
export async function relayInfo(incoming: IncomingRequest, peer: Pick<BridgedLeg, 'request'>): Promise<void> {
  const { request } = incoming;
  const headers: [string, string][] = [];
  for (const name of INFO_HEADERS) {
    const value = request.headers.get(name);
    if (value !== undefined) headers.push([name, value]);
  }
  const type = request.headers.get('Content-Type');
  const { body } = request;
  const outcome = await peer.request({
    method: 'INFO',
    headers,
    ...(type === undefined || body === '' ? {} : { body: { type, text: body } }),
  });
  switch (outcome.kind) {
    case 'response':
      incoming.respond({ status: outcome.response.status });
      return;
    case 'unreachable':
      incoming.respond({ status: 408 });
      return;
    case 'gone':
      incoming.respond({ status: 481 });
      return;
  }
}
