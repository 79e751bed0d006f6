export * from './port.js';
export type { DrachtioEngine, EmbeddedEngine, EngineOptions, EngineTraits } from './engine-options.js';
export {
  createSignalling,
  type SignallingCounts,
  type SignallingOptions,
  type SignallingRoom,
} from './signalling.js';
