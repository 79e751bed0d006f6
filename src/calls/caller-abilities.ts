import type { TrunkSettings } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';

/** Extensions (RFC 3261 §19.2) a call of ours can use. */
const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set(['100rel', 'timer', 'norefersub', 'replaces']);

/** What the caller's INVITE says about extensions. */
export interface CallerAbilities {
  /** Our provisionals to it go out reliably. */
  readonly sendsReliably: boolean;
  /** It can take reliable provisionals. */
  readonly takesReliable: boolean;
  /** Option tags it requires and we do not have: 420. */
  readonly unsupported: readonly string[];
}

/** RFC 3262 §3: reliable where the caller requires it, or supports it and the trunk has it switched on. */
export function callerAbilities(request: SipRequest, trunk: TrunkSettings | undefined): CallerAbilities {
  const required = request.headers.has('Require') ? tags(request, 'Require') : NONE;
  const isOn = trunk?.rel100 !== 'off';
  const takesReliable =
    required.includes('100rel') ||
    (request.headers.has('Supported') && tags(request, 'Supported').includes('100rel'));
  return {
    sendsReliably: takesReliable && isOn,
    takesReliable: takesReliable && isOn,
    unsupported: required.filter((tag) => !KNOWN_EXTENSIONS.has(tag) || (tag === '100rel' && !isOn)),
  };
}

const NONE: readonly string[] = [];

function tags(request: SipRequest, name: string): string[] {
  return request.headers.list(name).map((tag) => tag.trim().toLowerCase());
}
