import type { Place } from '../base/diagnostic.js';
import type { NumberRules, TrunkSettings } from '../model/index.js';

/** Resolved settings: every default is filled in, every path is absolute, every unit is in the name. */
export interface Settings {
  /** The file they came from. */
  readonly file: string;
  readonly sip: SipSettings;
  readonly media: MediaSettings;
  readonly numbers: NumberRules;
  /** Folder of the dialplan. */
  readonly dialplans: string;
  readonly trunks: readonly TrunkSettings[];
  /** Sites that trunks name, and where: whether the dialplan has them it alone can tell. */
  readonly trunkSites: readonly { readonly trunk: string; readonly site: string; readonly place: Place }[];
  readonly border: BorderSettings;
  readonly api: ApiSettings;
  readonly store: StoreSettings;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly redactNumbers: boolean };
}

export interface ListenerSettings {
  readonly name: string;
  readonly transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Address peers are told instead of `host`. */
  readonly advertise?: string;
  readonly media?: string;
}

export interface SipSettings {
  readonly listen: readonly ListenerSettings[];
  /** Realm of digest challenges and domain of our own URIs. */
  readonly domain: string;
  /** A real drachtio-server instead of the embedded one. */
  readonly drachtio?: { readonly host: string; readonly port: number; readonly secret: string };
  readonly userAgent: string;
  /** Digest algorithms offered to phones, in this order. */
  readonly digest: readonly ('SHA-256' | 'MD5')[];
  /** Above this a request goes over TCP (RFC 3261 §18.1.1); `Infinity`: never. Default 65535: many carriers lack TCP. */
  readonly maxUdpBytes: number;
  /** How long an unanswered outbound INVITE may ring in all before we give up: default 180 s. */
  readonly ringTimeoutMs: number;
  /** After this time without a 18x the caller gets 180 from us. */
  readonly ringFastMs: number;
  /** Between two OPTIONS to a phone behind a NAT; 0: never. */
  readonly natKeepAliveMs: number;
  /** Time for running calls to end at SIGTERM. Default 5 minutes. */
  readonly drainTimeoutMs: number;
}

export interface MediaSettings {
  readonly ports: { readonly lo: number; readonly hi: number };
  readonly prompts: string;
  readonly say: { readonly command: readonly string[] };
  /** Of callers who have chosen none. */
  readonly language: string;
  /** Media of phones. */
  readonly extensions: 'relay' | 'direct';
  /** Threads; absent: half the cores. */
  readonly workers?: number;
  /** 0: never. */
  readonly rtpTimeoutMs: number;
  readonly holdMusic: string;
  /** Phones may record their calls by a key. */
  readonly recordOnDemand: boolean;
  /** Folder of recordings and messages. */
  readonly recordings: string;
  /** Absent: for ever. */
  readonly keepRecordingsMs?: number;
  readonly voicemail: VoicemailSettings;
  readonly freeswitch: readonly { readonly host: string; readonly port: number; readonly secret: string }[];
}

export interface VoicemailSettings {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Absent: for ever. */
  readonly keepMs?: number;
  readonly pinAttempts: number;
  readonly pinLockMs: number;
  /** Program and arguments; absent: nobody is told. */
  readonly hook?: readonly string[];
}

export interface BorderSettings {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly blockCallers: readonly string[];
  readonly blockUserAgents: readonly string[];
  readonly unknownRate: {
    readonly perSourcePerS: number;
    readonly burst: number;
    readonly totalPerS: number;
  };
  readonly ban: {
    readonly after: number;
    readonly withinMs: number;
    readonly forMs: number;
    /** Each further ban lasts this many times the one before. Default 2, at most 7 days. */
    readonly escalate: number;
    readonly never: readonly string[];
  };
  readonly fraud: { readonly denyPrefixes: readonly string[]; readonly maxCallsPerHour?: number };
  /** Calls at a time and a second over all trunks. */
  readonly limits: { readonly calls?: number; readonly perSecond?: number };
  readonly mode: 'enforce' | 'observe';
}

export interface ApiKey {
  readonly name: string;
  readonly role: 'admin' | 'operator' | 'viewer';
  /** `sha256:` and the hexadecimal hash of the key. */
  readonly hash: string;
}

export interface ApiSettings {
  readonly host: string;
  readonly port: number;
  readonly keys: readonly ApiKey[];
}

export interface StoreSettings {
  readonly path: string;
  readonly keepRecordsMs: number;
  readonly keepAnswersMs: number;
  readonly durability: 'crash' | 'power-loss';
}
