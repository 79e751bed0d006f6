import { formatDuration } from '../base/duration.js';
import { nameOfTarget } from './machine-extension.js';
import type { Prompt, Step } from './plan.js';

/** A prompt in one line: the files' names, or what is said. */
export function showPrompt(prompt: Prompt): string {
  switch (prompt.kind) {
    case 'file':
      return prompt.file;
    case 'say':
      return sourceOf(prompt.text);
    case 'sequence':
      return prompt.of.map(showPrompt).join(', ');
  }
}

/** The single prompts of a prompt, in order. */
export function partsOfPrompt(prompt: Prompt): string[] {
  return prompt.kind === 'sequence' ? prompt.of.flatMap(partsOfPrompt) : [showPrompt(prompt)];
}

/** A step the way it stands in the file: its verb and value. */
export function showStep(step: Step): string {
  return `${step.verb}: ${valueOfStep(step)}`;
}

function valueOfStep(step: Step): string {
  switch (step.verb) {
    case 'extension':
      return step.extension.kind === 'name' ? step.extension.name : `dnis ${step.extension.digits}`;
    case 'ring':
      return step.targets.map(nameOfTarget).join(', ');
    case 'trunk':
      return step.trunks.join(', ');
    case 'queue':
      return step.queue;
    case 'menu':
      return step.menu;
    case 'voicemail':
      return step.mailbox;
    case 'play':
    case 'say':
      return showPrompt(step.prompt);
    case 'collect':
      return step.variable;
    case 'record':
      return step.what;
    case 'hours':
      return step.hours;
    case 'match':
      return step.facts.map(([fact]) => fact).join(', ');
    case 'split':
      return step.by;
    case 'set':
      return step.values.map(([name]) => name).join(', ');
    case 'webhook':
      return step.url.source;
    case 'survey':
      return step.survey;
    case 'wait':
      return formatDuration(step.ms);
    case 'goto':
      return step.route;
    case 'reject':
      return String(step.status);
    case 'busy':
    case 'hangup':
      return 'true';
  }
}

function sourceOf(text: Extract<Prompt, { kind: 'say' }>['text']): string {
  if ('parts' in text && Array.isArray(text.parts)) return (text as { source: string }).source;
  const [first] = Object.values(text as Readonly<Record<string, { source: string }>>);
  return first?.source ?? '';
}
