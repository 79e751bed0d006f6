export {
  createRegistrar,
  type InviteVerdict,
  type RegisterAnswer,
  type Registrar,
} from './create-registrar.js';
export { createMessageWaiting, type MessageWaiting, type MessageWaitingDeps } from './message-waiting.js';
export { SUMMARY_TYPE } from './message-summary.js';
export type { Binding, RegistrarDeps, RegistrationSource, RegistrationStore, SendSummary } from './ports.js';
