import type { SipMessage } from './message.js';

/** The message in a form that drachtio-srf's parser reads in linear time and without throwing. */
export function serializeForControl(message: SipMessage): string {
  return message.serialize();
}
