export {
  createRegistrar,
  type InviteVerdict,
  type RegisterAnswer,
  type Registrar,
} from './create-registrar.js';
export type { Binding, RegistrarDeps, RegistrationSource, RegistrationStore } from './ports.js';
