export { describeAnswer, describeOffer } from './describe.js';
export { readAnswer } from './read-answer.js';
export { pairMedia, relayPayloads } from './agreed.js';
export { createLocalSession, type LocalSession } from './local-session.js';
export type {
  AgreedCodec,
  AgreedEvent,
  AgreedMedia,
  Described,
  LocalPort,
  ReadAnswer,
  SdpLocal,
} from './types.js';
