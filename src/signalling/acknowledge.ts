import type { Ack } from './port.js';

/**
 * The ACK of a 2xx, sent once. Whoever holds it lives as long as the call: once it is sent it holds nothing of the transaction it
 * came from, whose messages take more memory than all else of a call.
 */
export function acknowledgeOnce(send: Ack): Ack {
  let pending: Ack | undefined = send;
  return (answer) => {
    const due = pending;
    pending = undefined;
    due?.(answer);
  };
}
