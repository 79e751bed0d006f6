import { formatVia, splitList, type SipRequest, type Via } from '../../sip/index.js';
import type { Flow } from '../transport/flow.js';

/**
 * Writes into the topmost Via where the request really came from: `received` when its host says otherwise (RFC 3261 §18.2.1), and
 * with `rport` always (RFC 3581 §4). What the sender claims in either is replaced.
 */
export function stampVia(request: SipRequest, via: Via, flow: Flow): void {
  const { remoteAddress, remotePort } = flow;
  const asksForPort = via.rport !== undefined;
  if (!asksForPort && via.received === undefined && sameHost(via.host, remoteAddress)) return;
  const { headers } = request;
  const line = headers.get('Via');
  if (line === undefined) return;
  const values = line.includes(',') ? splitList(line) : [line];
  values[0] = stamped(values[0] ?? '', via, remoteAddress, asksForPort ? remotePort : undefined);
  headers.deleteFirst('Via');
  headers.prepend('Via', values.join(', '));
  via.received = remoteAddress;
  via.params.set('received', remoteAddress);
  if (asksForPort) {
    via.rport = remotePort;
    via.params.set('rport', String(remotePort));
  }
}

function stamped(value: string, via: Via, address: string, port: number | undefined): string {
  if (value.includes('"') || via.received !== undefined) {
    return formatVia({ ...via, received: address, ...(port === undefined ? {} : { rport: port }) });
  }
  const told =
    port === undefined
      ? value
      : value.replace(/;[ \t]*rport[ \t]*(?:=[ \t]*\d*)?(?=[ \t]*(?:;|$))/i, `;rport=${port}`);
  return `${told};received=${address}`;
}

function sameHost(host: string, address: string): boolean {
  return host === address || (host.startsWith('[') && host.slice(1, -1) === address);
}
