import type { BorderFinding } from './verdict.js';

/** One decision on a call's way, in order; explain prints it, the record keeps it. */
export type TraceEntry =
  | { readonly kind: 'border'; readonly finding: BorderFinding }
  | { readonly kind: 'trunk'; readonly trunk?: string; readonly why: string }
  | {
      readonly kind: 'rule';
      readonly rule: string;
      readonly place: string;
      readonly why: string;
      readonly rivals: readonly { readonly rule: string; readonly place: string; readonly why: string }[];
    }
  | { readonly kind: 'no-rule'; readonly number: string; readonly near?: string }
  | {
      readonly kind: 'step';
      readonly verb: string;
      readonly name: string;
      readonly place: string;
      readonly note?: string;
    }
  | { readonly kind: 'outcome'; readonly verb: string; readonly outcome: string; readonly next: string }
  | { readonly kind: 'attempt'; readonly target: string; readonly result: string }
  | { readonly kind: 'note'; readonly text: string };
