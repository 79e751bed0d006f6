import { DIGIT, isAll } from './chars.js';
import type { SipMessage, SipRequest } from './message.js';
import { parseNameAddr } from './name-addr.js';

/** What is wrong with a message, and the status that says so. */
export interface Problem {
  readonly status: number;
  readonly reason: string;
}

/** Methods with a specification; a CSeq that does not fit an unknown method is 501 (RFC 4475 §3.1.2.18). */
const METHODS: ReadonlySet<string> = new Set([
  'ACK',
  'BYE',
  'CANCEL',
  'INFO',
  'INVITE',
  'MESSAGE',
  'NOTIFY',
  'OPTIONS',
  'PRACK',
  'PUBLISH',
  'REFER',
  'REGISTER',
  'SUBSCRIBE',
  'UPDATE',
]);

/** Whether a method has a specification that SIP elements know. */
export function isKnownMethod(method: string): boolean {
  return METHODS.has(method);
}

/** Checks the parts that the getters and the transaction layer rely on. */
export function checkMessage(message: SipMessage): Problem | undefined {
  const broken = message.readMandatory();
  if (broken !== undefined) return bad(`${broken} is missing or malformed`);
  if (message.kind === 'request') {
    const problem = checkRequest(message);
    if (problem !== undefined) return problem;
  }
  return checkRoutes(message);
}

function bad(reason: string): Problem {
  return { status: 400, reason };
}

function checkRequest(request: SipRequest): Problem | undefined {
  if (request.cseq.method !== request.method) {
    const status = isKnownMethod(request.method) ? 400 : 501;
    return { status, reason: 'the method of CSeq is not that of the request' };
  }
  if (request.topVia.branch === 'z9hG4bK') return bad('the branch of Via holds no identifier');
  const hops = request.headers.first('Max-Forwards');
  if (hops !== undefined && !isAll(hops, 0, hops.length, DIGIT)) return bad('Max-Forwards is no number');
  return undefined;
}

function checkRoutes(message: SipMessage): Problem | undefined {
  const { headers } = message;
  if (headers.first('Route') !== undefined && !headers.list('Route').every(isRoute))
    return bad('Route is malformed');
  if (headers.first('Record-Route') !== undefined && !headers.list('Record-Route').every(isRoute)) {
    return bad('Record-Route is malformed');
  }
  return undefined;
}

/** Routes are always in angle brackets (RFC 3261 §20.30, §20.34). */
function isRoute(text: string): boolean {
  return text.includes('<') && parseNameAddr(text) !== undefined;
}
