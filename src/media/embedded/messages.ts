import type { MessagePort } from 'node:worker_threads';
import type { RecordEnd, RecordSpec } from '../engine.js';
import type { AgreedMedia } from '../sdp/index.js';

/** Plain data: what crosses between the main thread and a media worker. */

export interface WorkerOptions {
  readonly learnMs: number;
  readonly slotMs: number;
}

/** A clip as the worker plays it: both laws of one recording, shared memory; silence needs none. */
export type WireClip =
  | { readonly kind: 'audio'; readonly mu: SharedArrayBuffer; readonly a: SharedArrayBuffer }
  | { readonly kind: 'silence'; readonly ms: number };

/** One m-line, with its port also where the line is refused now. 0: it never had one. */
export interface StreamPlan {
  readonly port: number;
  readonly media: AgreedMedia;
}

export interface WireMember {
  readonly session: number;
  readonly hears: 'all' | 'none';
  readonly heardBy: 'all' | 'none' | readonly number[];
}

export type ToWorker =
  | {
      readonly kind: 'open';
      readonly session: number;
      readonly address: string;
      readonly port: number;
      readonly rtpTimeoutMs: number;
      readonly signalledFrom: string | undefined;
    }
  | { readonly kind: 'streams'; readonly session: number; readonly streams: readonly StreamPlan[] }
  | { readonly kind: 'close'; readonly session: number }
  | { readonly kind: 'bridge'; readonly a: number; readonly b: number }
  /** A bridge with a session of another worker: `port` leads there. */
  | { readonly kind: 'join'; readonly session: number; readonly port: MessagePort }
  | { readonly kind: 'unbridge'; readonly session: number }
  | {
      readonly kind: 'play';
      readonly session: number;
      readonly op: number;
      readonly clips: readonly WireClip[];
      readonly times: number;
      readonly fromMs: number;
    }
  | { readonly kind: 'stop'; readonly session: number; readonly op: number }
  | {
      readonly kind: 'digits';
      readonly session: number;
      readonly op: number;
      readonly digits: string;
      readonly toneMs: number;
      readonly gapMs: number;
    }
  | { readonly kind: 'record'; readonly session: number; readonly op: number; readonly spec: RecordSpec }
  | {
      readonly kind: 'recording';
      readonly session: number;
      readonly op: number;
      readonly what: 'pause' | 'resume' | 'stop';
      /** That stopped it. */
      readonly key?: string;
    }
  | { readonly kind: 'stats'; readonly session: number; readonly op: number }
  | { readonly kind: 'mix-set'; readonly mix: number; readonly member: WireMember }
  | { readonly kind: 'mix-remove'; readonly mix: number; readonly session: number }
  | {
      readonly kind: 'mix-play';
      readonly mix: number;
      readonly op: number;
      readonly clips: readonly WireClip[];
    }
  | { readonly kind: 'mix-stop'; readonly mix: number; readonly op: number }
  | { readonly kind: 'mix-close'; readonly mix: number }
  | { readonly kind: 'halt' };

/** As `SessionStats`, before the main thread adds what only it knows. */
export interface WireStats {
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly packetsLost: number;
  readonly jitterMs: number;
  readonly rttMs: number | undefined;
  readonly mos: number | undefined;
  readonly codec: string | undefined;
  readonly refused: number;
}

export type FromWorker =
  /** It takes messages. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly session: number }
  | { readonly kind: 'refused'; readonly session: number; readonly code: string }
  | {
      readonly kind: 'digit';
      readonly session: number;
      readonly digit: string;
      readonly by: 'rfc4733' | 'in-band';
    }
  /** Of a session's or a mix's play. */
  | {
      readonly kind: 'played';
      readonly op: number;
      readonly end: 'done' | 'stopped' | 'closed' | 'failed';
      readonly playedMs: number;
    }
  | { readonly kind: 'sent'; readonly op: number }
  | { readonly kind: 'recorded'; readonly op: number; readonly end: RecordEnd }
  | { readonly kind: 'stats'; readonly op: number; readonly stats: WireStats }
  | { readonly kind: 'timeout'; readonly session: number }
  /** Each second: the worker lives. */
  | { readonly kind: 'alive'; readonly lateMs: number }
  | { readonly kind: 'halted' }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly event: string;
    };

export type Post = (message: FromWorker) => void;
