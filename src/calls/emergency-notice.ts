import type { Logger } from '../base/logger.js';
import { findExtension, type Plan } from '../dialplan/index.js';
import type { CallFacts } from '../model/index.js';
import type { Signalling } from '../signalling/index.js';
import { escapeUser } from '../sip/index.js';
import type { DeviceLocations } from './ports.js';

/** An emergency call as those are told of it who are to know. */
export interface EmergencyCall {
  readonly facts: CallFacts;
  readonly plan: Plan;
  /** The site whose rules placed it. */
  readonly site: string;
  /** The emergency number that is called. */
  readonly number: string;
}

export interface EmergencyNoticeDeps {
  readonly logger: Logger;
  readonly signalling: Pick<Signalling, 'request'>;
  readonly devices: DeviceLocations;
  /** Domain of our own addresses. */
  readonly domain: string;
}

/** So many messages go out for one call. */
const MAX_MESSAGES = 100;

/** A phone that is there answers at once. Milliseconds. */
const MESSAGE_TIMEOUT_MS = 10_000;

/**
 * Tells the extensions that a site's `emergency: notify:` names, by a SIP MESSAGE (RFC 3428) to each device they registered. Never
 * throws, and the call does not wait for it; whom nothing reached is logged.
 */
export function tellOfEmergency(call: EmergencyCall, deps: EmergencyNoticeDeps): void {
  const { facts, plan, site, number } = call;
  const { logger, signalling, devices, domain } = deps;
  const who =
    facts.extension ?? facts.caller ?? (facts.callerRaw === '' ? 'an unknown caller' : facts.callerRaw);
  const text = plainText(`Emergency call ${number} from ${who}, site ${site}`);
  let left = MAX_MESSAGES;
  for (const name of plan.sites.get(site)?.emergency?.notify ?? []) {
    const found = findExtension(plan, name, facts.tenant);
    const where = found?.definition.where;
    const bindings =
      where?.kind === 'devices' ? where.devices.flatMap((device) => devices.bindingsOf(device)) : [];
    const reached = bindings.slice(0, left).map(async (binding) => {
      const outcome = await signalling.request({
        method: 'MESSAGE',
        target: binding.contact,
        nextHop: binding.source,
        ...(binding.path.length === 0 ? {} : { routes: binding.path }),
        ...(binding.listener === undefined ? {} : { listener: binding.listener }),
        from: { uri: `sip:emergency@${domain}`, display: 'Emergency call' },
        to: { uri: `sip:${escapeUser(found?.digits ?? name)}@${domain}` },
        body: { type: 'text/plain;charset=UTF-8', text },
        timeoutMs: MESSAGE_TIMEOUT_MS,
      });
      return outcome.kind === 'response' && outcome.response.status < 300;
    });
    left -= reached.length;
    void Promise.allSettled(reached).then((outcomes) => {
      const taken = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length;
      const fields = { callId: facts.callId, extension: name, devices: bindings.length, taken };
      if (taken > 0) logger.info(fields, 'told of the emergency call');
      else logger.warn(fields, 'could not be told of the emergency call');
    });
  }
}

/** Names and numbers come from outside. */
function plainText(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, ' ').slice(0, 300);
}
