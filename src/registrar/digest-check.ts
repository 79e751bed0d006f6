import type { DeviceDefinition } from '../model/index.js';
import {
  computeHa1,
  computeResponse,
  constantTimeEqual,
  digestAlgorithm,
  formatAuthHeader,
  parseCredentials,
  type AuthHeader,
  type SipRequest,
} from '../sip/index.js';
import type { Nonces } from './nonces.js';
import type { DigestOffer, TrunkLogin } from './ports.js';

/** Credentials lines that are looked at; a phone sends one. */
const MAX_CREDENTIALS = 8;

export type DigestVerdict =
  | { readonly kind: 'ok'; readonly device: DeviceDefinition }
  | { readonly kind: 'trunk'; readonly trunk: string }
  | { readonly kind: 'challenge'; readonly headers: readonly (readonly [name: string, value: string])[] }
  /** A wrong password or a name nobody has: the same to the outside, in the same time. */
  | { readonly kind: 'failed' };

export interface DigestCheck {
  /**
   * Judges the Authorization of a request from that address (RFC 7616, RFC 8760); `qop=auth` is required. A password is looked at only
   * with a nonce that went to this very address: else whoever forges sources could have others banned for wrong passwords.
   */
  check(request: SipRequest, address: string): DigestVerdict;
}

export function createDigestCheck(deps: {
  nonces: Nonces;
  realm: string;
  algorithms: readonly DigestOffer[];
  device: (name: string) => DeviceDefinition | undefined;
  trunkLogin?: (username: string) => TrunkLogin | undefined;
  randomHex: (bytes: number) => string;
}): DigestCheck {
  const { nonces, realm, device } = deps;
  // Names nobody has are checked against this password, so that the time tells nothing.
  const decoy: DeviceDefinition = { name: '', extension: '', password: deps.randomHex(16), hotDesk: false };

  const challenge = (address: string, stale: boolean): DigestVerdict => {
    const nonce = nonces.make(address);
    const headers = deps.algorithms.map((algorithm) => {
      const params = new Map([
        ['realm', realm],
        ['nonce', nonce],
        ['algorithm', algorithm],
        ['qop', 'auth'],
      ]);
      if (stale) params.set('stale', 'true');
      return ['WWW-Authenticate', formatAuthHeader({ scheme: 'Digest', params }, 'challenge')] as const;
    });
    return { kind: 'challenge', headers };
  };

  return {
    check: (request, address) => {
      const credentials = ownCredentials(request, realm);
      if (credentials === undefined) return challenge(address, false);
      const { params } = credentials;
      const algorithm = digestAlgorithm(params.get('algorithm'));
      const count = params.get('nc') ?? '';
      const nonce = params.get('nonce') ?? '';
      const uri = params.get('uri') ?? '';
      const cnonce = params.get('cnonce') ?? '';
      if (algorithm === undefined || !deps.algorithms.some((offer) => offer === algorithm))
        return challenge(address, false);
      if (params.get('qop')?.toLowerCase() !== 'auth' || !/^[0-9a-f]{8}$/i.test(count) || cnonce === '') {
        return challenge(address, false);
      }
      if (!nonces.isOurs(nonce, address)) return challenge(address, true);
      const username = params.get('username') ?? '';
      const found = device(deviceName(request, username, realm));
      const login = found === undefined ? deps.trunkLogin?.(username) : undefined;
      const { password } = found ?? login ?? decoy;
      const ha1 = computeHa1(username, realm, password, algorithm);
      const expected = computeResponse({
        ha1,
        method: request.method,
        uri,
        nonce,
        nc: count,
        cnonce,
        qop: params.get('qop'),
        algorithm,
      });
      const right = constantTimeEqual(expected, (params.get('response') ?? '').toLowerCase());
      if (!right || (found === undefined && login === undefined)) return { kind: 'failed' };
      // Only who knows the password can use a nonce up, so nobody can spoil another's.
      if (nonces.use(nonce, parseInt(count, 16)) === 'stale') return challenge(address, true);
      return found === undefined ? { kind: 'trunk', trunk: login!.trunk } : { kind: 'ok', device: found };
    },
  };
}

/** A phone of a tenant calls itself `tenant/NAME`, or `NAME` in the tenant's domain, `tenant.` before ours. */
function deviceName(request: SipRequest, username: string, realm: string): string {
  if (username.includes('/')) return username;
  const { host } = request.from.parsed;
  const tenant = host.endsWith(`.${realm}`) ? host.slice(0, -realm.length - 1) : '';
  return tenant === '' || tenant.includes('.') ? username : `${tenant}/${username}`;
}

/** The Digest credentials for our realm among those sent. */
function ownCredentials(request: SipRequest, realm: string): AuthHeader | undefined {
  const lines = [
    ...request.headers.getAll('Authorization'),
    ...request.headers.getAll('Proxy-Authorization'),
  ];
  for (const line of lines.slice(0, MAX_CREDENTIALS)) {
    const credentials = parseCredentials(line);
    if (credentials?.scheme.toLowerCase() === 'digest' && credentials.params.get('realm') === realm)
      return credentials;
  }
  return undefined;
}
