import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { GateRules } from './port.js';

/** A SIP engine that speaks the drachtio control protocol. */
export type EngineOptions = EmbeddedEngine | DrachtioEngine;

interface EngineBase {
  /** What `DialSpec.engineId` and the `engine` event call it; unique. */
  readonly id: string;
  readonly secret: string;
}

/** Our own SIP server, reached through a socket inside the process (or any socket that speaks the protocol). */
export interface EmbeddedEngine extends EngineBase {
  readonly kind: 'embedded';
  /** A connected control socket; called at the start and, after the socket was closed, again with growing pauses. */
  open(): Socket | Promise<Socket>;
  /** Takes the rules of the gate, which runs before parsing. Without it they are applied here, after parsing. */
  setGate?(rules: GateRules): void;
  readonly traits?: Partial<EngineTraits>;
}

/** A drachtio-server. */
export interface DrachtioEngine extends EngineBase {
  readonly kind: 'drachtio';
  readonly host: string;
  /** Default 9022. */
  readonly port?: number;
  readonly tls?: ConnectionOptions;
}

/** What an engine does beyond the reference. */
export interface EngineTraits {
  /**
   * It passes 100 Trying on. The reference does not, so that `firstReplyMs` cannot be kept there: a carrier that sent 100 and is
   * slow to ring would look dead. Until a first 100 was seen from an engine, only its own timeout tells that nobody answers.
   */
  readonly passesTrying: boolean;
  /** Understands `listener=NAME` as a field after the next hop. */
  readonly choosesListener: boolean;
  /** An UPDATE that refreshed the session restarts the engine's own session timer. In the reference only a re-INVITE does. */
  readonly updateRefreshes: boolean;
  /** A PRACK may carry an answer. The reference drops its body, so 100rel is not offered there in an INVITE without an offer. */
  readonly prackCarriesAnswer: boolean;
}

/** drachtio-server 0.9. */
export const REFERENCE_TRAITS: EngineTraits = {
  passesTrying: false,
  choosesListener: false,
  updateRefreshes: false,
  prackCarriesAnswer: false,
};

/** Our own SIP server. */
export const EMBEDDED_TRAITS: EngineTraits = {
  passesTrying: false,
  choosesListener: true,
  updateRefreshes: true,
  prackCarriesAnswer: true,
};
