export { SipHeaders, type HeaderLine } from './headers.js';
export { SipRequest, SipResponse, type CSeq, type SipMessage } from './message.js';
export { parseMessage, type ParseOutcome } from './parse.js';
export type { ParseLimits } from './parse-limits.js';
export { createStreamFramer, type Frame, type StreamFramer } from './stream-framer.js';
export { serializeForControl } from './control-form.js';
export { escapeUser, formatUri, parseUri, unescapeUri, type Uri } from './uri.js';
export { NameAddr, formatNameAddr, parseNameAddr, type NameAddrParts } from './name-addr.js';
export { formatVia, parseVia, type Via } from './via.js';
export { splitList, type Params } from './params.js';
export { formatAuthHeader, parseChallenge, parseCredentials, type AuthHeader } from './auth.js';
export {
  DIGEST_ALGORITHMS,
  computeHa1,
  computeResponse,
  constantTimeEqual,
  digestAlgorithm,
  type DigestAlgorithm,
  type DigestInput,
} from './digest.js';
export { formatReason, parseReason, parseReasons, type Reason } from './reason.js';
export {
  formatSessionExpires,
  parseMinSe,
  parseSessionExpires,
  type SessionExpires,
} from './session-expires.js';
export { formatReplaces, isCallId, parseReplaces, type Replaces } from './replaces.js';
export { formatRAck, parseRAck, parseRSeq, type RAck } from './rack.js';
export {
  codecs,
  direction,
  isHold,
  mediaAddresses,
  type MediaAddress,
  type SdpCodec,
  type SdpDirection,
} from './sdp.js';
export { keepCodecs } from './sdp-codecs.js';
export { SdpOrigin } from './sdp-origin.js';
export { isKnownMethod } from './validate.js';
export { q850FromSip, q850Text, reasonPhrase, sipFromQ850 } from './status.js';
