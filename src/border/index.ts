export {
  createBorder,
  type Border,
  type BorderGateRules,
  type BorderReport,
  type VerdictCount,
} from './create-border.js';
export type { CallToCheck } from './check-call.js';
export type { Bans } from './bans.js';
export type { Ban, BanStore } from './ports.js';
export type { BorderRules, BorderTrunk } from './settings.js';
