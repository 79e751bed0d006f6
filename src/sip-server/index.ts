export { createSipServer, type ServerOptions, type ServerStats, type SipServer } from './server.js';
