export type { DialMatcher, MenuEnd, MenuSpec } from './menu.js';
export type {
  Dialogue,
  IvrDeps,
  PromptRequest,
  PromptResolver,
  SurveyAnswer,
  SurveyAnswers,
} from './ports.js';
export type { SystemPrompt } from './system-prompts.js';
export { IVR_PROMPTS } from './system-prompts.js';
