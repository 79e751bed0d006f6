import { address, routeLines } from './addressing.js';
import { ALLOW_LINE, SDP_LINE, type Core } from './core.js';
import type { EngineTraits } from './engine-options.js';
import type { DialSpec } from './port.js';
import { headerLine, headerLines } from './srf/lines.js';

/** RFC 3261 §8.1.1.6 */
const MOST_FORWARDS = 70;

/** The header lines of an INVITE: all but the session timer, which a 422 may change. Throws SIP_INVALID. */
export function inviteLines(
  core: Core,
  spec: DialSpec,
  traits: EngineTraits,
  callId: string,
  fromTag: string,
): string {
  const reliable = spec.rel100 !== 'off' && (spec.offer !== undefined || traits.prackCarriesAnswer);
  const rel100 = reliable || spec.rel100 === 'required' ? ', 100rel' : '';
  const hops = Math.max(0, Math.min(MOST_FORWARDS, Math.floor(spec.maxForwards)));
  return (
    `From: ${address(spec.from)};tag=${fromTag}\r\n` +
    `To: ${address(spec.to)}\r\n` +
    `Call-ID: ${callId}\r\n` +
    `Max-Forwards: ${hops}\r\n` +
    routeLines(spec.routes) +
    headerLines(spec.headers) +
    `Supported: timer, replaces${rel100}\r\n` +
    (spec.rel100 === 'required' ? 'Require: 100rel\r\n' : '') +
    (spec.replaces === undefined ? '' : headerLine('Replaces', spec.replaces)) +
    ALLOW_LINE +
    (spec.offer === undefined ? '' : SDP_LINE) +
    core.agentLine
  );
}
