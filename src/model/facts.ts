/** What is known of a call when the dialplan is asked. All numbers are E.164 with `+`, or bare digits of an extension. */
export interface CallFacts {
  readonly callId: string;
  /** From outside (by a trunk of kind carrier, or a PBX sending a DID) or from inside (an extension, or a PBX's user). */
  readonly direction: 'inbound' | 'internal';
  /** What was dialled, normalised: a DID for inbound calls, the raw digits for internal ones. */
  readonly dialed: string;
  readonly dialedRaw: string;
  /** The caller's number, normalised; undefined when withheld. */
  readonly caller?: string;
  readonly callerRaw: string;
  readonly callerName?: string;
  /** Why there is no caller number. */
  readonly anonymous: boolean;
  /** Trunk the call came in on. */
  readonly trunk?: string;
  /** Extension that calls, for internal calls. */
  readonly extension?: string;
  readonly device?: string;
  readonly site?: string;
  readonly tenant?: string;
  readonly attestation?: 'A' | 'B' | 'C';
  readonly divertedFrom?: string;
  /** Lower-case header name to value: those a dialplan may read as `header.NAME`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Seeds `split`, `random` and `round-robin` so that a call can be replayed. */
  readonly seed: number;
}
