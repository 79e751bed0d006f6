import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../base/errors.js';
import type { ControlListenerOptions } from './control/listener.js';
import type { GateRules } from './gate/rules.js';
import type { MalformedReport } from './malformed-reports.js';
import type { ServerOptions, ServerStats } from './server.js';

/** Plain data: what crosses to the worker thread at its start. */
export type WorkerServerOptions = Omit<ServerOptions, 'clock' | 'logger' | 'onMalformed' | 'random'>;

export interface WorkerData {
  readonly options: WorkerServerOptions;
  /** The channel of the application in the main thread. */
  readonly port: MessagePort;
  readonly control: ControlListenerOptions | undefined;
  readonly gatherMs: number;
}

/** A listener as others see it, without its functions. */
export interface ListenerFacts {
  readonly name: string;
  readonly transport: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
  readonly sentBy: string;
  readonly url: string;
}

export type ToWorker =
  | { readonly kind: 'gate'; readonly id: number; readonly rules: GateRules }
  | { readonly kind: 'stats'; readonly id: number }
  | { readonly kind: 'drain' }
  | { readonly kind: 'stop'; readonly id: number };

export type FromWorker =
  | {
      readonly kind: 'started';
      readonly listeners: readonly ListenerFacts[];
      readonly control: { readonly address: string; readonly port: number } | undefined;
    }
  | { readonly kind: 'malformed'; readonly reports: readonly MalformedReport[] }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: ServerStats }
  | { readonly kind: 'refused'; readonly id: number; readonly code: ErrorCode; readonly message: string }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly event: string;
    };

export function listenerFacts(listener: ListenerFacts): ListenerFacts {
  const { name, transport, address, port, sentBy, url } = listener;
  return { name, transport, address, port, sentBy, url };
}
