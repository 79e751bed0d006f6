export {
  createRouter,
  type AdmittedCall,
  type RouteDecision,
  type Router,
  type RoutingDeps,
} from './route-call.js';
export { explainCall, type ExplainContext, type Explanation, type ImaginedCall } from './explain-call.js';
export type {
  Border,
  BorderCall,
  BorderReport,
  CallerAuthentication,
  CallParty,
  InviteAuthentication,
  PlanSource,
  RequestSource,
  TrunkDirectory,
  TrunkMatch,
} from './ports.js';
