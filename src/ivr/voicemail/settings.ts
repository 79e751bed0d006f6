export interface VoicemailOptions {
  /** Most messages of a mailbox. Default 100. */
  readonly maxMessages?: number;
  /** Most bytes of a mailbox. Default 200 MB (3.5 hours). */
  readonly maxBytes?: number;
  /** Messages are deleted at this age; absent: never. */
  readonly keepMs?: number;
  /** So long a silence ends a message. Default 10 s. */
  readonly silenceMs?: number;
  /** Wrong PINs in a row, over all calls, after which a mailbox is locked for a while. Default 5. */
  readonly pinAttempts?: number;
  /** How long. Default 15 minutes. */
  readonly pinLockMs?: number;
}

export interface VoicemailSettings extends Required<Omit<VoicemailOptions, 'keepMs'>> {
  readonly keepMs: number | undefined;
}

export function resolveVoicemailSettings(options: VoicemailOptions): VoicemailSettings {
  return {
    maxMessages: options.maxMessages ?? 100,
    maxBytes: options.maxBytes ?? 200_000_000,
    keepMs: options.keepMs,
    silenceMs: options.silenceMs ?? 10_000,
    pinAttempts: options.pinAttempts ?? 5,
    pinLockMs: options.pinLockMs ?? 15 * 60_000,
  };
}
