import type { Prompt } from './plan.js';

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

function sourceOf(text: Extract<Prompt, { kind: 'say' }>['text']): string {
  if ('parts' in text && Array.isArray(text.parts)) return (text as { source: string }).source;
  const [first] = Object.values(text as Readonly<Record<string, { source: string }>>);
  return first?.source ?? '';
}
