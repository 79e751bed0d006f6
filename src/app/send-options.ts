import type { Binding } from '../registrar/index.js';
import type { Signalling } from '../signalling/index.js';
import type { SendOptions } from '../trunks/index.js';

/** OPTIONS towards a trunk, over signalling. */
export function sendOptions(signalling: Pick<Signalling, 'request'>, domain: string): SendOptions {
  return async ({ target, listener, timeoutMs }) => {
    const outcome = await signalling.request({
      method: 'OPTIONS',
      target,
      from: { uri: `sip:probe@${domain}` },
      to: { uri: target },
      headers: [['Accept', 'application/sdp']],
      timeoutMs,
      ...(listener !== undefined && { listener }),
    });
    return outcome.kind === 'response' ? outcome.response.status : undefined;
  };
}

/** OPTIONS towards a phone, to where its registration came from. */
export function keepPhoneAlive(
  signalling: Pick<Signalling, 'request'>,
  domain: string,
): (binding: Binding) => Promise<void> {
  return async ({ contact, source, listener }) => {
    const from = { uri: `sip:${domain}` };
    await signalling.request({
      method: 'OPTIONS',
      target: contact,
      nextHop: source,
      listener,
      from,
      to: { uri: contact },
    });
  };
}
