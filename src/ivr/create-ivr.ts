import { type CallbackOfferEnd, type CallbackOfferSpec, offerCallback } from './callback-offer.js';
import { collectOnce, type CollectStepEnd, type CollectStepSpec } from './collect.js';
import { type ConferenceEntryEnd, type ConferenceEntrySpec, enterConference } from './conference.js';
import { askToConfirm, type ConfirmEnd, type ConfirmSpec } from './confirm.js';
import { guarded } from './guarded.js';
import { type MenuEnd, type MenuSpec, runMenu } from './menu.js';
import {
  playBusy,
  playPrompt,
  type PlayStepEnd,
  type PlayStepSpec,
  type WaitEnd,
  waitSilently,
} from './play-steps.js';
import type { Dialogue, IvrDeps, MediaSession, SurveyAnswers } from './ports.js';
import { recordMessage, type RecordMessageEnd, type RecordMessageSpec } from './record-message.js';
import { runSurvey, type SurveyEnd, type SurveySpec } from './survey.js';

/** What a caller can be led through. Each is one attempt of a step; none rejects, none outlives its call. */
export interface Ivr {
  readonly menu: Dialogue<MenuSpec, MenuEnd>;
  /** `play` and `say`, before the answer or after it. */
  readonly play: Dialogue<PlayStepSpec, PlayStepEnd>;
  readonly collect: Dialogue<CollectStepSpec, CollectStepEnd>;
  readonly recordMessage: Dialogue<RecordMessageSpec, RecordMessageEnd>;
  readonly survey: Dialogue<SurveySpec, SurveyEnd>;
  /** `wait` of an answered call. */
  readonly wait: Dialogue<{ readonly ms: number }, WaitEnd>;
  /** Ten seconds of busy tone. */
  busyTone(session: MediaSession, signal: AbortSignal): Promise<WaitEnd>;
  readonly confirm: Dialogue<ConfirmSpec, ConfirmEnd>;
  readonly offerCallback: Dialogue<CallbackOfferSpec, CallbackOfferEnd>;
  enterConference<Role extends string>(
    session: MediaSession,
    spec: ConferenceEntrySpec<Role>,
    signal: AbortSignal,
  ): Promise<ConferenceEntryEnd<Role>>;
}

export interface IvrOptions extends IvrDeps {
  readonly answers: SurveyAnswers;
  readonly newId: () => string;
}

/** The dialogues over a media session. */
export function createIvr(deps: IvrOptions): Ivr {
  return {
    menu: (session, spec, signal) => guarded(deps.logger, () => runMenu(deps, session, spec, signal)),
    play: (session, spec, signal) => guarded(deps.logger, () => playPrompt(deps, session, spec, signal)),
    collect: (session, spec, signal) => guarded(deps.logger, () => collectOnce(deps, session, spec, signal)),
    recordMessage: (session, spec, signal) =>
      guarded(deps.logger, () => recordMessage(deps, session, spec, signal)),
    survey: (session, spec, signal) => guarded(deps.logger, () => runSurvey(deps, session, spec, signal)),
    wait: (session, spec, signal) => guarded(deps.logger, () => waitSilently(deps, session, spec, signal)),
    busyTone: (session, signal) => guarded(deps.logger, () => playBusy(session, signal)),
    confirm: (session, spec, signal) => guarded(deps.logger, () => askToConfirm(deps, session, spec, signal)),
    offerCallback: (session, spec, signal) =>
      guarded(deps.logger, () => offerCallback(deps, session, spec, signal)),
    enterConference: (session, spec, signal) =>
      guarded(deps.logger, () => enterConference(deps, session, spec, signal)),
  };
}
