export {
  createCalls,
  DEFAULT_RING_FAST_MS,
  DEFAULT_RING_TIMEOUT_MS,
  type Calls,
  type CallsDeps,
} from './create-calls.js';
export { createWebhookClient, MAX_WEBHOOK_REPLY_BYTES, type Fetch } from './webhook-client.js';
export type { CallSettings } from './call-environment.js';
export type {
  CallCapacity,
  CallEvent,
  CallRecords,
  DeviceBinding,
  DeviceLocations,
  LegAdmission,
  OutboundForm,
  OutboundIdentity,
  OutboundLeg,
  OutboundRequest,
  OutboundTrunks,
  Release,
  RunningCall,
  WebhookClient,
  WebhookReply,
  WebhookRequest,
} from './ports.js';
