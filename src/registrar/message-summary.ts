import type { WaitingCounts } from './ports.js';

/** Event package and type of body (RFC 3842). */
export const MESSAGE_SUMMARY = 'message-summary';
export const SUMMARY_TYPE = 'application/simple-message-summary';

/** The body of a NOTIFY (RFC 3842 §5.2): `account` is a SIP URI. We know of no urgent messages. */
export function messageSummary(account: string, counts: WaitingCounts): string {
  return [
    `Messages-Waiting: ${counts.new > 0 ? 'yes' : 'no'}`,
    `Message-Account: ${account}`,
    `Voice-Message: ${counts.new}/${counts.saved} (0/0)`,
    '',
  ].join('\r\n');
}
