import type { CallerIdentity } from '../dialplan/index.js';
import type { CallFacts } from '../model/index.js';
import type { Address, Headers } from '../signalling/index.js';
import { escapeUser } from '../sip/index.js';
import type { OutboundIdentity } from './ports.js';

/** Headers that belong to the legs themselves: a plan cannot set them. Lower case. */
const RESERVED: ReadonlySet<string> = new Set([
  ...['via', 'v', 'from', 'f', 'to', 't', 'call-id', 'i', 'cseq', 'contact', 'm', 'max-forwards', 'route'],
  ...[
    'record-route',
    'content-length',
    'l',
    'content-type',
    'c',
    'content-encoding',
    'e',
    'require',
    'supported',
    'k',
  ],
  ...['proxy-require', 'allow', 'session-expires', 'x', 'min-se', 'rseq', 'rack', 'authorization'],
  ...['proxy-authorization', 'www-authenticate', 'proxy-authenticate', 'user-agent', 'replaces', 'join'],
]);

/** What the caller is shown as on a new leg. `keep` is what came in, also what came in anonymous. */
export function outboundIdentity(identity: CallerIdentity, facts: CallFacts): OutboundIdentity {
  const number = identity.mode === 'number' ? identity.number : callerOf(facts);
  const name = identity.name ?? facts.callerName;
  const divertedFrom = identity.divertedFrom ?? facts.divertedFrom;
  return {
    mode: identity.mode,
    ...(number === undefined ? {} : { number: tame(number) }),
    ...(name === undefined ? {} : { name: tame(name) }),
    anonymous: identity.mode === 'anonymous' || (facts.anonymous && identity.mode !== 'number'),
    ...(divertedFrom === undefined ? {} : { divertedFrom: tame(divertedFrom) }),
  };
}

/** Callers write names: what no header may hold becomes a space, as else the call to its callee would fail. */
function tame(text: string): string {
  return text.replace(/[\x00-\x1f\x7f|]/g, ' ');
}

/** The caller as far as it is known: a name such as `alice` where there is no number; of the anonymous only digits, for peers we trust. */
function callerOf(facts: CallFacts): string | undefined {
  const known = facts.caller ?? facts.extension;
  if (known !== undefined || facts.callerRaw === '') return known;
  return !facts.anonymous || /^\+?\d+$/.test(facts.callerRaw) ? facts.callerRaw : undefined;
}

/** The plan's own headers for a leg: the only ones that pass from one side to the other. */
export function planHeaders(identity: CallerIdentity): Headers {
  return identity.headers
    .filter(([name, value]) => !RESERVED.has(name.toLowerCase()) && value !== '')
    .map(([name, value]) => [name, tame(value)] as const);
}

/** How a registered device is called: it sees number and name, or neither of them (RFC 3323). */
export function deviceForm(
  identity: OutboundIdentity,
  to: string,
  domain: string,
): { readonly from: Address; readonly to: Address; readonly headers: Headers } {
  const callee: Address = { uri: `sip:${escapeUser(to)}@${domain}` };
  if (identity.anonymous || identity.number === undefined) {
    const from = { uri: 'sip:anonymous@anonymous.invalid', display: 'Anonymous' };
    return { from, to: callee, headers: [['Privacy', 'id']] };
  }
  const uri = `sip:${escapeUser(identity.number)}@${domain}`;
  const from: Address = identity.name === undefined ? { uri } : { uri, display: identity.name };
  return { from, to: callee, headers: [] };
}
