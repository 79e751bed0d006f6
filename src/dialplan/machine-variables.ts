import type { Run } from './machine-run.js';
import type { Prompt, Template } from './plan.js';

/** A substituted text is cut here: a hostile header must not swell a call's state. */
const MAX_TEXT = 2000;
const MAX_VARIABLES = 500;
/** Controls, and halves of surrogate pairs (which no URL can encode). */
const UNFIT = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
const UNFIT_ALL = new RegExp(UNFIT.source, 'gu');
const SEPARATORS = /[\s().-]/g;
const DIALLABLE = /^\+?[0-9*#]{1,40}$/;
const HEADER_NAME = /^[A-Za-z0-9.!%*_+`'~-]{1,64}$/;

/** The value of a variable or fact; empty when it is not set. */
export function valueOf(run: Run, name: string): string {
  const { facts } = run;
  switch (name) {
    case 'did':
      return run.number;
    case 'dialed':
      return facts.dialed;
    case 'caller':
      return facts.caller ?? '';
    case 'caller-name':
      return facts.callerName ?? '';
    case 'trunk':
      return facts.trunk ?? '';
    case 'tenant':
      return run.tenant ?? '';
    case 'site':
      return facts.site ?? '';
    case 'device':
      return facts.device ?? '';
    case 'attestation':
      return facts.attestation ?? '';
    case 'diverted-from':
      return facts.divertedFrom ?? '';
    case 'last-outcome':
      return run.lastOutcome ?? '';
  }
  if (name.startsWith('header.')) {
    const header = name.slice(7).toLowerCase();
    return Object.hasOwn(facts.headers, header) ? (facts.headers[header] ?? '') : '';
  }
  return Object.hasOwn(run.variables, name) ? (run.variables[name] ?? '') : '';
}

/** Text with its variables put in, once; controls are stripped. */
export function textOf(run: Run, template: Template): string {
  return substitute(run, template, clean);
}

/** A URL: what variables put in is encoded, so that it stays within its part of the URL. */
export function urlOf(run: Run, template: Template): string {
  return substitute(run, template, (value) => encodeURIComponent(clean(value)));
}

/** A number to call, separators taken out; undefined when none came of it. */
export function numberOf(run: Run, template: Template): string | undefined {
  return readNumber(textOf(run, template));
}

/** `+1 (202) 555-0100` as `+12025550100`; undefined when it is no number. */
export function readNumber(text: string): string | undefined {
  const digits = text.replace(SEPARATORS, '');
  return DIALLABLE.test(digits) ? digits : undefined;
}

/** Header lines with their values put in; a name that cannot stand in a message is left out. */
export function headersOf(
  run: Run,
  headers: readonly (readonly [name: string, value: Template])[],
): (readonly [name: string, value: string])[] {
  return headers
    .filter(([name]) => isHeaderName(name))
    .map(([name, value]): readonly [string, string] => [name, headerText(textOf(run, value))]);
}

/** A value that can stand in one header line, wherever its text came from. */
export function headerText(value: string): string {
  return clean(value).trim();
}

export function isHeaderName(name: string): boolean {
  return HEADER_NAME.test(name);
}

export function setVariable(run: Run, name: string, value: string): void {
  // A plan names few; a webhook could go on naming new ones.
  if (!Object.hasOwn(run.variables, name) && Object.keys(run.variables).length >= MAX_VARIABLES) return;
  run.variables = { ...run.variables, [name]: clean(value) };
}

/** A prompt with its texts put in and the call's language chosen: what an engine can play as it is. */
export function promptOf(run: Run, prompt: Prompt): Prompt {
  switch (prompt.kind) {
    case 'file':
      return prompt;
    case 'say':
      return { kind: 'say', text: constant(textOf(run, inLanguage(run, prompt.text))) };
    case 'sequence':
      return { kind: 'sequence', of: prompt.of.map((part) => promptOf(run, part)) };
  }
}

/** A text without variables as a template. */
export function constant(text: string): Template {
  return { source: text, parts: [text] };
}

function inLanguage(run: Run, text: Template | Readonly<Record<string, Template>>): Template {
  if (isTemplate(text)) return text;
  const wanted = valueOf(run, 'language').toLowerCase();
  const languages = Object.keys(text);
  // `de-CH` is served by `de`; a caller whose language nobody wrote hears the first one.
  const chosen =
    languages.find((language) => language.toLowerCase() === wanted) ??
    languages.find((language) => language.toLowerCase() === wanted.split('-')[0]) ??
    languages[0];
  return (chosen === undefined ? undefined : text[chosen]) ?? constant('');
}

function isTemplate(text: Template | Readonly<Record<string, Template>>): text is Template {
  return 'parts' in text && Array.isArray(text.parts);
}

function substitute(run: Run, template: Template, encode: (value: string) => string): string {
  const { parts } = template;
  if (parts.length === 1 && typeof parts[0] === 'string') return parts[0];
  let text = '';
  for (const part of parts) {
    text += typeof part === 'string' ? part : encode(valueOf(run, part.variable));
    if (text.length > MAX_TEXT) return text.slice(0, MAX_TEXT);
  }
  return text;
}

function clean(value: string): string {
  const cut = value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value;
  return UNFIT.test(cut) ? cut.replace(UNFIT_ALL, '') : cut;
}
