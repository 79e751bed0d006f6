export { createCalls, type Calls, type CallsDeps } from './create-calls.js';
export type { WaitingLeg } from './waiting-leg.js';
export { createWebhookClient } from './webhook-client.js';
export type { CallEvent, MediaParts, DeviceBinding, WebhookReply } from './ports.js';
