export { createSipServer, type ServerOptions, type ServerStats, type SipServer } from './server.js';
export { startSipWorker, type SipWorker, type SipWorkerOptions } from './worker-host.js';
export { parseListenUrl, runStandalone, type Standalone, type StandaloneOptions } from './standalone.js';
export type { GateRules } from './gate/rules.js';
export type { ListenOptions } from './options.js';
export type { ListenerFacts } from './worker-messages.js';
