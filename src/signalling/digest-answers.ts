import { randomHex } from '../base/ids.js';
import {
  computeHa1,
  computeResponse,
  DIGEST_ALGORITHMS,
  digestAlgorithm,
  formatAuthHeader,
  parseChallenge,
  type DigestAlgorithm,
  type SipResponse,
} from '../sip/index.js';
import type { Credentials } from './port.js';

/** What was asked in which header, and how often the nonce was used. */
interface Answered {
  readonly header: 'Authorization' | 'Proxy-Authorization';
  readonly challenge: Challenge;
  /** Times this nonce was used (RFC 7616 §3.4). */
  count: number;
  /** The nonce was replaced by a fresh one already. */
  readonly refreshed: boolean;
}

interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: DigestAlgorithm;
  /** As sent by the peer: an absent algorithm is not named in the answer either. */
  readonly algorithmName: string | undefined;
  readonly qop: 'auth' | 'auth-int' | undefined;
  readonly stale: boolean;
}

/** More realms than this on one request's way are nobody's honest set-up. */
const MAX_REALMS = 4;

/**
 * Answers digest challenges of one request (RFC 3261 §22, RFC 8760): only with the credentials given, only for their realm if they
 * name one, each realm once, and once more when it says that the nonce was stale. The strongest algorithm offered is taken.
 */
export class DigestAnswers {
  readonly #credentials: Credentials;
  readonly #answered = new Map<string, Answered>();

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** Takes in a 401 or 407. False: it is not to be answered (again). */
  accept(response: SipResponse): boolean {
    const header = response.status === 407 ? 'Proxy-Authorization' : 'Authorization';
    const lines = response.headers.getAll(
      response.status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate',
    );
    const challenge = this.#strongest(lines.flatMap(splitChallenges));
    if (challenge === undefined) return false;
    const key = `${header} ${challenge.realm}`;
    const before = this.#answered.get(key);
    if (before !== undefined && (!challenge.stale || before.refreshed)) return false;
    if (before === undefined && this.#answered.size >= MAX_REALMS) return false;
    this.#answered.set(key, { header, challenge, count: 0, refreshed: before !== undefined });
    return true;
  }

  /** Authorization lines for the next try; `''` before any challenge. */
  lines(method: string, uri: string, body: string): string {
    let block = '';
    for (const answered of this.#answered.values()) block += this.#line(answered, method, uri, body);
    return block;
  }

  #strongest(lines: readonly string[]): Challenge | undefined {
    let best: Challenge | undefined;
    for (const line of lines) {
      const challenge = readChallenge(line);
      if (challenge === undefined) continue;
      if (this.#credentials.realm !== undefined && challenge.realm !== this.#credentials.realm) continue;
      if (best === undefined || strength(challenge) < strength(best)) best = challenge;
    }
    return best;
  }

  #line(answered: Answered, method: string, uri: string, body: string): string {
    const { challenge } = answered;
    const { username, password } = this.#credentials;
    const nc = (++answered.count).toString(16).padStart(8, '0');
    const cnonce = randomHex(12);
    const needsCnonce = challenge.qop !== undefined || challenge.algorithm.endsWith('-sess');
    const params = new Map([
      ['username', username],
      ['realm', challenge.realm],
      ['nonce', challenge.nonce],
      ['uri', uri],
      [
        'response',
        computeResponse({
          ha1: computeHa1(username, challenge.realm, password, challenge.algorithm),
          method,
          uri,
          nonce: challenge.nonce,
          nc,
          cnonce,
          qop: challenge.qop,
          algorithm: challenge.algorithm,
          body,
        }),
      ],
    ]);
    if (challenge.algorithmName !== undefined) params.set('algorithm', challenge.algorithm);
    if (needsCnonce) params.set('cnonce', cnonce);
    if (challenge.opaque !== undefined) params.set('opaque', challenge.opaque);
    if (challenge.qop !== undefined) params.set('qop', challenge.qop).set('nc', nc);
    return `${answered.header}: ${formatAuthHeader({ scheme: 'Digest', params }, 'credentials')}\r\n`;
  }
}

function strength(challenge: Challenge): number {
  return DIGEST_ALGORITHMS.indexOf(challenge.algorithm);
}

function readChallenge(line: string): Challenge | undefined {
  const header = parseChallenge(line);
  const realm = header?.params.get('realm');
  const nonce = header?.params.get('nonce');
  if (header?.scheme.toLowerCase() !== 'digest' || realm === undefined || nonce === undefined)
    return undefined;
  const algorithmName = header.params.get('algorithm');
  const algorithm = digestAlgorithm(algorithmName);
  const qops = header.params
    .get('qop')
    ?.toLowerCase()
    .split(',')
    .map((qop) => qop.trim());
  const qop =
    qops === undefined
      ? undefined
      : qops.includes('auth')
        ? 'auth'
        : qops.includes('auth-int')
          ? 'auth-int'
          : null;
  if (algorithm === undefined || qop === null) return undefined;
  return {
    realm,
    nonce,
    opaque: header.params.get('opaque'),
    algorithm,
    algorithmName,
    qop,
    stale: header.params.get('stale')?.toLowerCase() === 'true',
  };
}

/** Challenges that a server joined by commas into one line, apart. Linear. */
export function splitChallenges(line: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) {
      quoted = true;
    } else if (code === 0x2c && beginsChallenge(line, i + 1)) {
      parts.push(line.slice(from, i).trim());
      from = i + 1;
    }
  }
  parts.push(line.slice(from).trim());
  return parts;
}

/** A scheme is followed by a blank and a name, a parameter by `=`. */
function beginsChallenge(line: string, at: number): boolean {
  const scheme = /[ \t]{0,16}[A-Za-z][A-Za-z0-9-]{0,31}[ \t]{1,16}[A-Za-z]/y;
  scheme.lastIndex = at;
  return scheme.test(line);
}
