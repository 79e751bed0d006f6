import type { Diagnostic } from './diagnostic.js';

/**
 * The catalogue of faults: every error a user can meet has a code here, a sentence of what it is, and a remedy.
 * `docs/errors.md` is generated from it, and a test fails when the two drift apart.
 */
export interface ErrorEntry {
  /** HTTP status the API answers with when this fault ends a request. */
  readonly status: number;
  /** What happened, as one sentence without a full stop. */
  readonly summary: string;
  /** What the reader can do about it. */
  readonly remedy: string;
}

export const ERRORS = {
  SETTINGS_INVALID: {
    status: 400,
    summary: 'The settings file has errors',
    remedy: 'Mend each place that is listed; nothing was started. `trunkline check` shows them again.',
  },
  DIALPLAN_INVALID: {
    status: 422,
    summary: 'The dialplan has errors',
    remedy: 'Mend each place that is listed. At a reload the plan in force stays as it was.',
  },
  FILE_UNREADABLE: {
    status: 400,
    summary: 'A file or folder cannot be read',
    remedy: 'Check that the path exists and that the user who runs Trunkline may read it.',
  },
  PORT_IN_USE: {
    status: 500,
    summary: 'An address to listen on is taken',
    remedy: 'Stop the other program (`ss -lntup` names it) or change the listener in the settings.',
  },
  ADDRESS_UNAVAILABLE: {
    status: 500,
    summary: 'An address to listen on does not belong to this machine',
    remedy: 'Use an address that `ip addr` shows, or 0.0.0.0.',
  },
  STORE_LOCKED: {
    status: 500,
    summary: 'Another Trunkline uses this data folder',
    remedy: 'Stop the other process, or give this one its own `store.path`.',
  },
  STORE_UNWRITABLE: {
    status: 500,
    summary: 'The data folder cannot be written',
    remedy: 'Give the user who runs Trunkline write access to it, or change `store.path`.',
  },
  STORE_DAMAGED: {
    status: 500,
    summary: 'The database is damaged',
    remedy: 'Move the file away and restore a backup; `sqlite3 FILE .recover` saves what can be read.',
  },
  STORE_TOO_NEW: {
    status: 500,
    summary: 'The database was written by a newer Trunkline',
    remedy: 'Run that version, or restore the backup from before the update.',
  },
  SIGNALLING_UNAVAILABLE: {
    status: 503,
    summary: 'The signalling engine is not connected',
    remedy: 'Look for its error in the log; new calls are refused until it is back.',
  },
  MEDIA_UNAVAILABLE: {
    status: 503,
    summary: 'The media engine takes no sessions',
    remedy: 'Look for its error in the log; calls that need media are refused until it is back.',
  },
  MEDIA_NO_PORT: {
    status: 503,
    summary: 'No media port is free',
    remedy: 'Widen `media.ports`: a call takes two pairs of ports, and a pair rests for a while after use.',
  },
  MEDIA_NOT_ACCEPTABLE: {
    status: 488,
    summary: 'The two sides have no way of talking in common',
    remedy: 'The message names what was asked for; compare it with the codecs that the trunk allows.',
  },
  CONTROL_PROTOCOL: {
    status: 500,
    summary: 'A peer broke the drachtio control protocol',
    remedy: 'Check that both sides run versions that `docs/engines.md` names as compatible.',
  },
  SIP_INVALID: {
    status: 400,
    summary: 'A SIP message or a part of it is not well formed',
    remedy: 'The error names the part; RFC 3261 section 25 has its grammar.',
  },
  PROMPT_UNREADABLE: {
    status: 422,
    summary: 'A sound file cannot be played',
    remedy:
      'Save it as WAV: 8 to 48 kHz, mono or stereo, 16-bit PCM, A-law or mu-law; `sox IN -r 8000 -c 1 OUT.wav` does.',
  },
  NOT_FOUND: {
    status: 404,
    summary: 'There is no such thing',
    remedy: 'Check the name or the id; the list of the same resource shows what there is.',
  },
  RECORDING_REFUSED: {
    status: 409,
    summary: 'A call cannot be recorded now',
    remedy: 'Both parties must talk, and through us: set media: relay for the trunk or for extensions.',
  },
  SUPERVISION_REFUSED: {
    status: 409,
    summary: 'A call cannot be supervised so',
    remedy:
      'The message says why: both parties must talk through us, one supervisor is with a call at a time, and the extension needs a phone.',
  },
  TRANSFER_REFUSED: {
    status: 409,
    summary: 'A call cannot be transferred so',
    remedy:
      'The message says why: both parties must talk through us, one transfer runs at a time, and the plan must place the target.',
  },
  UNAUTHORIZED: {
    status: 401,
    summary: 'The request carries no valid API key',
    remedy: 'Send `Authorization: Bearer KEY`; `trunkline keys add` makes one.',
  },
  FORBIDDEN: {
    status: 403,
    summary: 'The API key may not do this',
    remedy: 'Use a key whose role allows it.',
  },
  REQUEST_INVALID: {
    status: 400,
    summary: 'The request does not have the form the API asks for',
    remedy: 'The message names the field; the reference page at /docs shows the form.',
  },
  TOO_MANY_STREAMS: {
    status: 503,
    summary: 'As many event streams are open as there may be',
    remedy: 'Close one that nobody reads, and come back later.',
  },
  SERVER_UNREACHABLE: {
    status: 503,
    summary: 'No running Trunkline answers at the API address',
    remedy: 'Start it, or name the right address with `--api`.',
  },
  INTERNAL: {
    status: 500,
    summary: 'Something failed inside',
    remedy: 'The log has it under the same time; please report it with that entry.',
  },
  USAGE: {
    status: 400,
    summary: 'The command line is not understood',
    remedy: '`trunkline --help` lists the commands.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** A fault (not an expected outcome): thrown, never returned. `message` names place and cause; the catalogue has the remedy. */
export class AppError extends Error {
  override readonly name = 'AppError';

  /** What was found in an admin's files, for faults that come from them. */
  readonly diagnostics: readonly Diagnostic[];

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { cause?: unknown; diagnostics?: readonly Diagnostic[] } = {},
  ) {
    super(message, options);
    this.diagnostics = options.diagnostics ?? [];
  }

  get remedy(): string {
    return ERRORS[this.code].remedy;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
