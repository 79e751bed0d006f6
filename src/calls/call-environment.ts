import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Plan } from '../dialplan/index.js';
import type { Router } from '../routing/index.js';
import type { Signalling } from '../signalling/index.js';
import type { Replaces } from '../sip/index.js';
import type { Queues } from '../queues/index.js';
import type { BusyExtensions } from './busy-extensions.js';
import type { ConferenceRooms } from './conference-rooms.js';
import type { LiveCall, Party } from './live-call.js';
import type { ParkingLot } from './parking.js';
import type { PickUp } from './pickup.js';
import type { WaitingLeg } from './waiting-leg.js';
import type {
  CallCapacity,
  CallEvent,
  CallRecords,
  DeviceLocations,
  MediaParts,
  OutboundTrunks,
  WebhookClient,
} from './ports.js';

/** What every call shares. */
export interface CallEnvironment {
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly signalling: Pick<Signalling, 'dial' | 'request'>;
  readonly router: Pick<Router, 'resume'>;
  readonly records: CallRecords;
  readonly trunks: OutboundTrunks;
  readonly devices: DeviceLocations;
  readonly capacity: CallCapacity;
  readonly webhooks: WebhookClient;
  /** Absent: the two sides of a call send their media to one another, and nothing can be played. */
  readonly media: MediaParts | undefined;
  /** Absent where there is no media engine. */
  readonly conferences: ConferenceRooms | undefined;
  /** Absent: no step leads into a queue. */
  readonly queues: Queues<WaitingLeg> | undefined;
  readonly busy: BusyExtensions;
  /** Where a caller who entered this may be called back, in E.164; undefined: it is no number. */
  callbackNumber(digits: string): string | undefined;
  readonly settings: () => CallSettings;
  /** Call-IDs of legs that ring, to recognise calls of our own that come back. */
  readonly ownLegs: Map<string, Pick<LiveCall, 'chain'>>;
  event(kind: CallEvent['kind'], call: Pick<LiveCall, 'id' | 'show'>): void;
  /** A call that no INVITE began. */
  began(call: LiveCall): void;
  ended(call: Pick<LiveCall, 'id'>): void;
  /** The call and the party whose dialog with us this names. */
  named(replaces: Replaces): { readonly call: LiveCall; readonly who: Party } | undefined;
  /** The oldest call that rings at the extension, and may be picked up elsewhere. */
  ringingAt(extension: string): PickUp | undefined;
  readonly parking: ParkingLot;
  /** The plan in force; undefined: no calls but those that come in are made. */
  plan(): { readonly plan: Plan; readonly revision: number } | undefined;
}

export interface CallSettings {
  /** Domain of our own addresses. */
  readonly domain: string;
  /** No step rings longer. */
  readonly ringTimeoutMs: number;
  /** After this time without a 18x from the far side the caller gets 180 from us: some carriers give up at 5 s. */
  readonly ringFastMs: number;
}
