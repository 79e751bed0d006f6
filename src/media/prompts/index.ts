export {
  createPrompts,
  type PromptProblem,
  type PromptRequest,
  type Prompts,
  type PromptsDeps,
} from './create-prompts.js';
export { SYSTEM_TEXTS, type SystemPrompt } from './system-texts.js';
