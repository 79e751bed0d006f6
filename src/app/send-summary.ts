import { SUMMARY_TYPE, type SendSummary } from '../registrar/index.js';
import type { Signalling } from '../signalling/index.js';

/** A phone that does not answer is not waited for as long as a call would be. Milliseconds. */
const TIMEOUT_MS = 10_000;

/** NOTIFY of messages, to where a phone registered from or in the dialog of its subscription, over signalling. */
export function sendSummary(signalling: Pick<Signalling, 'request'>): SendSummary {
  return async (to, headers, text) => {
    const common = {
      method: 'NOTIFY' as const,
      headers,
      body: { type: SUMMARY_TYPE, text },
      from: { uri: to.account },
      timeoutMs: TIMEOUT_MS,
    };
    const outcome = await signalling.request(
      to.kind === 'subscriber'
        ? { ...common, target: to.account, to: { uri: to.account }, dialog: to.dialog }
        : {
            ...common,
            // RFC 6665 §8.1.3 asks for one; the engine puts its address in the place of localhost.
            headers: [...headers, ['Contact', '<sip:messages@localhost>']],
            target: to.binding.contact,
            nextHop: to.binding.source,
            routes: to.binding.path,
            listener: to.binding.listener,
            to: { uri: to.account },
          },
    );
    return outcome.kind === 'response' ? outcome.response.status : undefined;
  };
}
