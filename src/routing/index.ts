export {
  createRouter,
  type AdmittedCall,
  type RouteDecision,
  type Router,
  type RoutingDeps,
} from './route-call.js';
export { explainCall, type Explanation, type ImaginedCall } from './explain-call.js';
export type { Border, BorderCall, InviteAuthentication, TrunkMatch } from './ports.js';
