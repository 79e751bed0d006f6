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
