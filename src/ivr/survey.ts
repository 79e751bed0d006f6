import type { SurveyAnswer } from '../model/index.js';
import { collectOnce } from './collect.js';
import type { Closed, IvrDeps, MediaSession, PromptRequest, Spoken, SurveyAnswers } from './ports.js';
import { say } from './session-steps.js';

const TIMEOUT_MS = 6000;
const DIGIT_TIMEOUT_MS = 3000;
const ATTEMPTS = 3;

export interface SurveySpec extends Spoken {
  readonly survey: string;
  readonly ask: PromptRequest;
  /** How many the answer has. */
  readonly digits: number;
  /** Absent: anything of that length. */
  readonly accept?: (digits: string) => boolean;
  /** What is stored with the answer. */
  readonly about: Pick<SurveyAnswer, 'callId' | 'caller' | 'did' | 'queue' | 'agent'>;
}

export type SurveyEnd =
  { readonly kind: 'done'; readonly digits: string } | { readonly kind: 'no-input' } | Closed;

/** Asks a survey's question, again after a wrong answer or none, and keeps the answer. The call never waits for the disk. */
export async function runSurvey(
  deps: IvrDeps & { readonly answers: SurveyAnswers; readonly newId: () => string },
  session: MediaSession,
  spec: SurveySpec,
  signal: AbortSignal,
): Promise<SurveyEnd> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const end = await collectOnce(
      deps,
      session,
      {
        prompt: [spec.ask],
        minDigits: 1,
        maxDigits: spec.digits,
        end: '#',
        timeoutMs: TIMEOUT_MS,
        digitTimeoutMs: DIGIT_TIMEOUT_MS,
        attempt,
        language: spec.language,
      },
      signal,
    );
    if (end.kind === 'closed') return end;
    if (end.kind === 'done' && /^\d+$/.test(end.digits) && isAnswer(spec, end.digits)) {
      const { survey, about } = spec;
      const answer = { id: deps.newId(), survey, at: deps.clock.now(), digits: end.digits, ...about };
      deps.answers.add(answer).catch((error: unknown) => {
        deps.logger.error({ callId: about.callId, survey, reason: String(error) }, 'answer to a survey lost');
      });
      return { kind: 'done', digits: end.digits };
    }
    const sorry = end.kind === 'no-input' ? 'no-input' : 'invalid';
    if (attempt < ATTEMPTS) {
      const heard = await say(deps, session, [{ kind: 'system', name: sorry }], spec.language, signal);
      if (heard === 'closed') return { kind: 'closed' };
    }
  }
  return { kind: 'no-input' };
}

/** NPS asks from 0 to 10: an answer may be shorter where `accept` takes it. */
function isAnswer(spec: SurveySpec, digits: string): boolean {
  return spec.accept === undefined ? digits.length === spec.digits : spec.accept(digits);
}
