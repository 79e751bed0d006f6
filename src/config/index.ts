export { loadSettings, type SettingsOutcome } from './load-settings.js';
export { createPromptLookup, SHIPPED_PROMPTS } from './prompt-files.js';
export { settingsSchema } from './read-settings.js';
export { restartNeeded } from './restart-needed.js';
export type {
  ApiKey,
  ApiSettings,
  BorderSettings,
  ListenerSettings,
  MediaSettings,
  Settings,
  SipSettings,
  StoreSettings,
  VoicemailSettings,
} from './settings.js';
