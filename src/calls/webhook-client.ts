import { createHmac } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import type { WebhookClient, WebhookReply, WebhookRequest } from './ports.js';

/** The part of `fetch` that is used. */
type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A reply longer than this is `invalid`. Bytes. */
const MAX_WEBHOOK_REPLY_BYTES = 64 * 1024;

/**
 * Asks outside services over HTTP(S): POST of JSON, JSON or nothing comes back. Bounded in time and size; redirections are not
 * followed, since the plan's URL is the one that was checked. With a secret the body is signed:
 * `X-Trunkline-Signature: t=UNIX_SECONDS,v1=HEX`, HEX being HMAC-SHA-256 over `t.body`.
 */
export function createWebhookClient(options: {
  readonly fetch: Fetch;
  readonly clock: Clock;
}): WebhookClient {
  return {
    call: async (request, signal) => {
      const slow = new AbortController();
      const timer = options.clock.after(request.timeoutMs, () => slow.abort());
      try {
        return await ask(request, AbortSignal.any([signal, slow.signal]), options);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return slow.signal.aborted
          ? { kind: 'failed', outcome: 'timeout', why: `no reply in ${request.timeoutMs} ms` }
          : { kind: 'failed', outcome: 'refused', why };
      } finally {
        timer.clear();
      }
    },
  };
}

async function ask(
  request: WebhookRequest,
  signal: AbortSignal,
  options: { readonly fetch: Fetch; readonly clock: Clock },
): Promise<WebhookReply> {
  if (!/^https?:\/\//i.test(request.url)) {
    return { kind: 'failed', outcome: 'invalid', why: 'the URL is neither http nor https' };
  }
  const body = JSON.stringify(request.body);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'Trunkline',
  };
  if (request.secret !== undefined) {
    const at = Math.floor(options.clock.now() / 1000);
    const signature = createHmac('sha256', request.secret).update(`${at}.${body}`).digest('hex');
    headers['x-trunkline-signature'] = `t=${at},v1=${signature}`;
  }
  const response = await options.fetch(request.url, {
    method: 'POST',
    body,
    headers,
    signal,
    redirect: 'error',
  });
  if (!response.ok) {
    await response.body?.cancel();
    return { kind: 'failed', outcome: 'refused', why: `status ${response.status}` };
  }
  const text = await readBounded(response);
  if (text === undefined) {
    return {
      kind: 'failed',
      outcome: 'invalid',
      why: `the reply is longer than ${MAX_WEBHOOK_REPLY_BYTES} bytes`,
    };
  }
  if (text.trim() === '') return { kind: 'reply', body: {} };
  try {
    return { kind: 'reply', body: JSON.parse(text) as unknown };
  } catch {
    return { kind: 'failed', outcome: 'invalid', why: 'the reply is no JSON' };
  }
}

async function readBounded(response: Response): Promise<string | undefined> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const read = await reader.read();
    if (read.done) return Buffer.concat(chunks).toString('utf8');
    const chunk = read.value as Uint8Array;
    size += chunk.length;
    if (size > MAX_WEBHOOK_REPLY_BYTES) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(chunk);
  }
}
