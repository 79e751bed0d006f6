import type { BorderCheck, BorderCode, BorderFinding, Verdict } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';

/** What the border is asked about one call; plain data, so that explain can imagine it. Room `routing` makes it. */
export interface CallToCheck {
  readonly source: { readonly address: string };
  readonly party:
    | { readonly kind: 'trunk'; readonly trunk: { readonly name: string } }
    | { readonly kind: 'device'; readonly device: { readonly extension: string } }
    /** Nobody yet: it will be challenged, so `known` says nothing. */
    | { readonly kind: 'unidentified' }
    | { readonly kind: 'unknown' };
  readonly userAgent?: string;
  /** E.164 or digits; undefined when withheld. */
  readonly caller?: string;
  readonly anonymous: boolean;
  /** Emergency calls pass every limit. */
  readonly emergency: boolean;
  readonly request?: SipRequest;
}

/** What a check found against a call: undefined when nothing. */
export interface Refusal {
  readonly status: number;
  readonly code: BorderCode;
  readonly reason: string;
  readonly retryAfterS?: number;
}

/** One check of the fixed order. `limit`: emergency calls pass it. */
export interface CallCheck {
  readonly check: BorderCheck;
  readonly limit: boolean;
  /** `dry`: look only, take no token. */
  readonly find: (call: CallToCheck, dry: boolean) => Refusal | undefined;
}

const ADMIT: Verdict = { kind: 'admit' };

/** Runs the checks in order; the first refusal ends them, unless it is only observed. */
export function runChecks(
  checks: readonly CallCheck[],
  call: CallToCheck,
  options: { dry: boolean; observe: boolean; admitted: readonly BorderFinding[] },
): { verdict: Verdict; findings: readonly BorderFinding[] } {
  let findings: BorderFinding[] | undefined;
  for (let index = 0; index < checks.length; index++) {
    const { check, limit, find } = checks[index]!;
    if (limit && call.emergency) {
      findings?.push({ check, verdict: ADMIT });
      continue;
    }
    const refusal = find(call, options.dry);
    if (refusal === undefined) {
      findings?.push({ check, verdict: ADMIT });
      continue;
    }
    const verdict: Verdict = { kind: 'refuse', ...refusal, observed: options.observe };
    findings ??= options.admitted.slice(0, index);
    findings.push({ check, verdict });
    if (!options.observe) return { verdict, findings };
  }
  // Nearly every call is admitted without a remark: they all share one list.
  return { verdict: ADMIT, findings: findings ?? options.admitted };
}

/** The findings of a call that every check admits. */
export function allAdmitted(checks: readonly CallCheck[]): readonly BorderFinding[] {
  return checks.map(({ check }) => ({ check, verdict: ADMIT }));
}
