import type { ApiPorts } from '../api/index.js';
import { AppError } from '../base/errors.js';
import type { DialplanService } from '../dialplan/index.js';
import type { Binding } from '../registrar/index.js';
import type { Store } from '../store/index.js';
import type { MediaRoom } from './create-media.js';
import { pathInside } from './path-inside.js';

type VoicePorts = ApiPorts['voice'];
type MailboxView = NonNullable<ReturnType<VoicePorts['mailboxes']['get']>>;

/** What the API shows and steers of messages, announcements, answers and recordings. */
export function apiVoice(deps: {
  readonly media: Pick<MediaRoom, 'voicemail' | 'announcements' | 'prompts'>;
  readonly store: Pick<Store<Binding>, 'surveyAnswers' | 'recordings'>;
  readonly dialplan: Pick<DialplanService, 'current'>;
  /** Absolute path of the folder that recordings' files are relative to. */
  readonly recordingsFolder: string;
}): VoicePorts {
  const { store } = deps;
  const { voicemail, announcements, prompts } = deps.media;
  const plan = () => deps.dialplan.current().plan;

  const mailbox = (name: string): MailboxView => ({
    name,
    ...voicemail.counts(name),
    inPlan: plan().mailboxes.has(name),
  });

  return {
    mailboxes: {
      list: ({ after = '', limit }) => {
        const names = [...new Set([...plan().mailboxes.keys(), ...voicemail.mailboxes()])]
          .filter((name) => name > after)
          .sort();
        const shown = names.slice(0, limit);
        const last = shown.at(-1);
        return {
          mailboxes: shown.map(mailbox),
          ...(names.length > shown.length && last !== undefined && { next: last }),
        };
      },
      get: (name) => {
        const found = mailbox(name);
        return found.inPlan || found.new + found.saved > 0 ? found : undefined;
      },
      messages: (name) => voicemail.list(name),
    },
    messages: {
      get: (id) => voicemail.get(id),
      audio: (id) => voicemail.audio(id)?.path,
      mark: (id, state) => voicemail.mark(id, state),
      remove: (id) => voicemail.remove(id),
    },
    announcements: {
      current: () => announcements.current(),
      history: () => announcements.history(),
      switchOn: async (request) => {
        // A slip in the number would be noticed by nobody but the callers.
        if (request.did !== undefined && plan().numbers.lookup(request.did).length === 0)
          throw new AppError('REQUEST_INVALID', `did: the dialplan has no number ${request.did}`);
        const announcement = await announcements.switchOn(request);
        const warnings = prompts.check(request.prompt).map(({ message }) => message);
        // Spoken now, so that the first caller need not wait.
        void prompts.resolve(request.prompt, undefined);
        return { announcement, warnings };
      },
      switchOff: (id, who) => announcements.switchOff(id, who),
    },
    surveys: {
      has: (name) => plan().surveys.has(name),
      answers: (query, page) => store.surveyAnswers.list(query, page),
      distribution: (query) => store.surveyAnswers.distribution(query),
    },
    recordings: {
      list: (page) => store.recordings.list(page),
      ofCall: (callId) => store.recordings.ofCall(callId),
      get: (id) => store.recordings.get(id),
      audio: (id) => {
        const recording = store.recordings.get(id);
        return recording === undefined ? undefined : pathInside(deps.recordingsFolder, recording.file);
      },
    },
  };
}
