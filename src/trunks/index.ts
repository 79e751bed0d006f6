export { resolveTrunkHost } from './resolve-host.js';
export { createTrunks, type TrunkMatch, type Trunks, type TrunkStatus } from './create-trunks.js';
export type { OutboundForm, OutboundIdentity, OutboundRequest } from './outbound-form.js';
export type { SendOptions, TrunksDeps } from './ports.js';
