export { printFault, runProgram, type ProgramDeps, type SipServerCommand } from './program.js';
export type { CommandIo } from './io.js';
export { startBanner, type BannerFacts } from './start-banner.js';
