export * from './extension.js';
export * from './facts.js';
export * from './queue-record.js';
export * from './record.js';
export * from './trace.js';
export * from './trunk.js';
export * from './verdict.js';
export * from './voice-record.js';
