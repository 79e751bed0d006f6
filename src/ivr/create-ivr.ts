import { type CallbackOfferEnd, type CallbackOfferSpec, offerCallback } from './callback-offer.js';
import { collectOnce, type CollectStepEnd, type CollectStepSpec } from './collect.js';
import { type ConferenceEntryEnd, type ConferenceEntrySpec, enterConference } from './conference.js';
import { askToConfirm, type ConfirmEnd, type ConfirmSpec } from './confirm.js';
import { type MenuEnd, type MenuSpec, runMenu } from './menu.js';
import {
  playBusy,
  playPrompt,
  type PlayStepEnd,
  type PlayStepSpec,
  type WaitEnd,
  waitSilently,
} from './play-steps.js';
import type { Closed, Dialogue, IvrDeps, MediaSession, SurveyAnswers } from './ports.js';
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
  /** A bug in here must end the dialogue, not the process. */
  async function guarded<End>(run: () => Promise<End>): Promise<End | Closed> {
    try {
      return await run();
    } catch (error) {
      deps.logger.error(
        { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        'dialogue failed',
      );
      return { kind: 'closed' };
    }
  }
  return {
    menu: (session, spec, signal) => guarded(() => runMenu(deps, session, spec, signal)),
    play: (session, spec, signal) => guarded(() => playPrompt(deps, session, spec, signal)),
    collect: (session, spec, signal) => guarded(() => collectOnce(deps, session, spec, signal)),
    recordMessage: (session, spec, signal) => guarded(() => recordMessage(deps, session, spec, signal)),
    survey: (session, spec, signal) => guarded(() => runSurvey(deps, session, spec, signal)),
    wait: (session, spec, signal) => guarded(() => waitSilently(deps, session, spec, signal)),
    busyTone: (session, signal) => guarded(() => playBusy(session, signal)),
    confirm: (session, spec, signal) => guarded(() => askToConfirm(deps, session, spec, signal)),
    offerCallback: (session, spec, signal) => guarded(() => offerCallback(deps, session, spec, signal)),
    enterConference: (session, spec, signal) => guarded(() => enterConference(deps, session, spec, signal)),
  };
}
