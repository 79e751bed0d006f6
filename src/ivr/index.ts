export { createIvr } from './create-ivr.js';
export type { Ivr, IvrOptions } from './create-ivr.js';
export type { CallbackOfferEnd, CallbackOfferSpec } from './callback-offer.js';
export type { CollectStepEnd, CollectStepSpec } from './collect.js';
export type { ConferenceEntryEnd, ConferenceEntrySpec } from './conference.js';
export { announceCaller } from './confirm.js';
export type { CallerAnnouncement, ConfirmEnd, ConfirmSpec } from './confirm.js';
export { createDialMatcher } from './dial-matcher.js';
export type { DialMatcher, MenuEnd, MenuSpec } from './menu.js';
export type { PlayStepEnd, PlayStepSpec, WaitEnd } from './play-steps.js';
export type {
  AnnouncementRows,
  Dialogue,
  IvrDeps,
  MessageHook,
  MessageWaiting,
  PromptResolver,
  StateValues,
  SurveyAnswers,
  VoicemailRows,
} from './ports.js';
export type { RecordMessageEnd, RecordMessageSpec } from './record-message.js';
export { spokenIn, waitRange } from './spoken/index.js';
export type { SpokenLanguage, WaitRange } from './spoken/index.js';
export type { SurveyEnd, SurveySpec } from './survey.js';
export { createVoicemail } from './voicemail/create-voicemail.js';
export type { Voicemail, VoicemailDeps } from './voicemail/create-voicemail.js';
export type { DepositEnd, DepositSpec } from './voicemail/deposit.js';
export { createCommandHook } from './voicemail/message-hooks.js';
export type { RetrieveEnd, RetrieveSpec } from './voicemail/retrieve.js';
export type { VoicemailOptions } from './voicemail/settings.js';
export { measureWav, mendWav } from './voicemail/wav-file.js';
export { createAnnouncements } from './announcements.js';
export type { Announcements, NewAnnouncement } from './announcements.js';
