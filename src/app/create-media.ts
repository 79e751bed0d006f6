import { join } from 'node:path';
import type { Clock } from '../base/clock.js';
import { newOrderedUuid } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { MediaParts } from '../calls/index.js';
import { SHIPPED_PROMPTS, type Settings, type VoicemailSettings } from '../config/index.js';
import {
  createAnnouncements,
  createCommandHook,
  createIvr,
  createVoicemail,
  type MessageHook,
  type MessageWaiting,
} from '../ivr/index.js';
import { createAudioCache, createEmbeddedEngine, createPrompts, type Prompts } from '../media/index.js';
import type { Announcements, Voicemail } from '../ivr/index.js';
import type { Plan } from '../dialplan/index.js';
import { createPromptFollower } from './follow-prompts.js';
import { createMediaAddresses } from './media-address.js';
import { createRetention, type RetentionDeps } from './retention.js';

/** Encoded prompts that are kept in memory. */
const CACHE_BYTES = 128 * 1024 * 1024;

/** Rows of the store that media needs. */
interface MediaStore {
  readonly voicemail: Parameters<typeof createVoicemail>[0]['rows'];
  readonly surveyAnswers: Parameters<typeof createIvr>[0]['answers'] & RetentionDeps['surveyAnswers'];
  readonly announcements: Parameters<typeof createAnnouncements>[0]['rows'];
  readonly recordings: NonNullable<MediaParts['recordings']> & RetentionDeps['recordings'];
  readonly state: Parameters<typeof createVoicemail>[0]['state'];
}

/** Everything that is heard, wired together. */
export interface MediaRoom {
  readonly parts: MediaParts;
  readonly prompts: Prompts;
  readonly voicemail: Voicemail;
  readonly announcements: Announcements;
  /** A plan took force: its prompts are looked after in the background. */
  follow(plan: Plan): void;
  stop(): Promise<void>;
}

/** Starts the media engine. Throws AppError MEDIA_UNAVAILABLE. */
export async function createMedia(
  settings: Settings,
  deps: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly env: (name: string) => string | undefined;
    readonly store: MediaStore;
    readonly waiting: MessageWaiting;
  },
): Promise<MediaRoom> {
  const { clock, logger, store } = deps;
  const { media } = settings;
  const engine = createEmbeddedEngine(
    {
      ports: { min: media.ports.lo, max: media.ports.hi },
      rtpTimeoutMs: media.rtpTimeoutMs,
      ...(media.workers !== undefined && { workers: media.workers }),
    },
    { clock, logger, random: Math.random, cache: createAudioCache({ maxBytes: CACHE_BYTES }) },
  );
  await engine.start();
  const prompts = createPrompts({
    folders: [media.prompts],
    systemFolder: SHIPPED_PROMPTS,
    cacheFolder: join(media.recordings, 'spoken'),
    sayCommand: media.say.command,
    searchPath: deps.env('PATH'),
    defaultLanguage: media.language,
    logger,
    clock,
  });
  const follower = createPromptFollower({
    prompts,
    logger,
    holdMusic: { file: media.holdMusic, place: { file: settings.file, line: 1, column: 1 } },
  });
  const voicemail = createVoicemail({
    prompts,
    clock,
    logger,
    folder: join(media.recordings, 'voicemail'),
    rows: store.voicemail,
    state: store.state,
    waiting: deps.waiting,
    newId: newOrderedUuid,
    options: media.voicemail,
    ...hookOf(media.voicemail),
  });
  await voicemail.start();
  const retention = createRetention({
    clock,
    logger,
    folder: media.recordings,
    keepRecordingsMs: media.keepRecordingsMs,
    keepAnswersMs: settings.store.keepAnswersMs,
    recordings: store.recordings,
    surveyAnswers: store.surveyAnswers,
  });
  await retention.recover();
  retention.start();
  const announcements = createAnnouncements({ rows: store.announcements, clock, newId: newOrderedUuid });
  const ivr = createIvr({ prompts, clock, logger, answers: store.surveyAnswers, newId: newOrderedUuid });
  const address = await createMediaAddresses(settings.sip.listen);
  return {
    parts: {
      engine,
      ivr,
      voicemail,
      announcements,
      prompts,
      recordings: store.recordings,
      address,
      settings: () => ({
        extensions: media.extensions,
        rtpTimeoutMs: media.rtpTimeoutMs,
        language: media.language,
        holdMusic: media.holdMusic,
        recordOnDemand: media.recordOnDemand,
        recordings: media.recordings,
      }),
    },
    prompts,
    voicemail,
    announcements,
    follow: (plan) => follower.follow(plan),
    stop: async () => {
      retention.stop();
      voicemail.stop();
      await engine.stop();
    },
  };
}

function hookOf({ hook = [] }: VoicemailSettings): { hook?: MessageHook } {
  const [program, ...args] = hook;
  return program === undefined ? {} : { hook: createCommandHook([program, ...args]) };
}
