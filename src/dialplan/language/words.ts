import type { Outcome } from '../plan.js';

export const OUTCOMES: readonly Outcome[] = [
  'busy',
  'no-answer',
  'declined',
  'unreachable',
  'unknown',
  'limited',
  'full',
  'empty',
  'timeout',
  'refused',
  'invalid',
  'no-input',
];

/** What is known of a call and cannot be set by a step; `header.NAME` and `row.COLUMN` besides. */
export const READ_ONLY_FACTS: readonly string[] = [
  'did',
  'dialed',
  'caller',
  'caller-name',
  'trunk',
  'tenant',
  'site',
  'device',
  'attestation',
  'diverted-from',
  'last-outcome',
];

/** Variables with a meaning of their own: the language of prompts, the priority in queues. */
export const RESERVED_VARIABLES: readonly string[] = ['language', 'priority'];

export const VARIABLE_PATTERN = /^[a-z][a-z0-9-]{0,63}$/;
