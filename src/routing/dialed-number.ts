import type { DidPlace, NumberRules } from '../model/index.js';
import { parseNameAddr, parseUri, type SipRequest, type Uri } from '../sip/index.js';
import { statedNumber, type StatedNumber } from './read-number.js';

/** So many entries of Diversion or History-Info are looked at. */
const MAX_VALUES = 16;

/** What was dialled: the first of the trunk's places that holds a number, else what the Request-URI says. */
export function dialedNumber(
  request: SipRequest,
  places: readonly DidPlace[],
  rules: NumberRules,
): StatedNumber & { readonly place: DidPlace } {
  for (const place of places) {
    const uri = uriAt(request, place);
    const stated = uri === undefined ? undefined : statedNumber(uri, rules);
    if (stated?.number !== undefined) return { ...stated, place };
  }
  const uri = parseUri(request.uri);
  return { ...(uri === undefined ? { raw: '' } : statedNumber(uri, rules)), place: 'request-uri' };
}

function uriAt(request: SipRequest, place: DidPlace): Uri | undefined {
  switch (place) {
    case 'request-uri':
      return parseUri(request.uri);
    case 'to':
      return request.to.parsed;
    case 'p-called-party-id':
      return addressIn(request.headers.get('P-Called-Party-ID'));
    // The number that was dialled first is the oldest diversion: the bottom one (RFC 5806 §6), and History-Info's first (RFC 7044).
    case 'diversion':
      return addressIn(request.headers.list('Diversion').slice(0, MAX_VALUES).at(-1));
    case 'history-info':
      return addressIn(request.headers.list('History-Info')[0]);
  }
}

function addressIn(value: string | undefined): Uri | undefined {
  return value === undefined ? undefined : parseNameAddr(value)?.parsed;
}
