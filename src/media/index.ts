export type {
  Clip,
  CollectEnd,
  CollectSpec,
  Collecting,
  DescribeSpec,
  Direction,
  EngineLoad,
  MediaEngine,
  MediaSession,
  Mix,
  MixMember,
  OpenSpec,
  PlayEnd,
  PlayOptions,
  Playing,
  RecordEnd,
  RecordSpec,
  Recording,
  Sdp,
  SessionEvents,
  SessionStats,
} from './engine.js';
export { createEmbeddedEngine, type EmbeddedDeps } from './embedded/create-embedded-engine.js';
export type { EmbeddedOptions } from './embedded/settings.js';
export {
  createAudioCache,
  type AudioCache,
  type AudioCacheOptions,
  type EncodedClip,
} from './audio-cache.js';
export {
  createPrompts,
  type PromptProblem,
  type PromptRequest,
  type Prompts,
  type PromptsDeps,
  type SystemPrompt,
} from './prompts/index.js';
