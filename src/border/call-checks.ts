import type { CidrSet } from '../base/cidr.js';
import type { Bans } from './bans.js';
import type { Capacity } from './capacity.js';
import type { CallCheck, CallToCheck } from './check-call.js';
import { headerProblem } from './header-sanity.js';

/** The lists in force; replaced as a whole at a reload. */
export interface BorderLists {
  readonly allow: CidrSet;
  readonly deny: CidrSet;
  readonly isBlockedCaller: (number: string) => boolean;
  readonly blocksAnonymous: boolean;
  /** In lower case. */
  readonly userAgents: readonly string[];
}

/** The checks of a call in their fixed order. */
export function createCallChecks(deps: {
  bans: Bans;
  lists: () => BorderLists;
  /** The trunk's and the server's capacity, in this order. */
  placesOf: (call: CallToCheck) => readonly Capacity[];
}): readonly CallCheck[] {
  const { bans, lists, placesOf } = deps;
  return [
    {
      check: 'ban',
      limit: false,
      find: ({ source, party }) => {
        const ban = party.kind === 'trunk' ? undefined : bans.isBanned(source.address);
        return ban && { status: 403, code: 'banned', reason: `${source.address} is banned: ${ban.reason}` };
      },
    },
    {
      check: 'access-list',
      limit: false,
      find: ({ source: { address } }) =>
        lists().deny.has(address) && !lists().allow.has(address)
          ? { status: 403, code: 'address-denied', reason: `${address} is on border.deny` }
          : undefined,
    },
    {
      check: 'known',
      limit: false,
      find: ({ party, source }) =>
        party.kind === 'unknown'
          ? {
              status: 403,
              code: 'unknown-source',
              reason: `no trunk has ${source.address} and no extension proved itself`,
            }
          : undefined,
    },
    {
      check: 'sanity',
      limit: false,
      find: ({ request }) => {
        const reason = request === undefined ? undefined : headerProblem(request);
        return reason === undefined ? undefined : { status: 400, code: 'malformed-headers', reason };
      },
    },
    {
      check: 'user-agent',
      limit: false,
      find: ({ userAgent }) => {
        const blocked = lists().userAgents;
        if (userAgent === undefined || blocked.length === 0) return undefined;
        const agent = userAgent.toLowerCase();
        const match = blocked.find((part) => agent.includes(part));
        if (match === undefined) return undefined;
        return {
          status: 403,
          code: 'user-agent-blocked',
          reason: `user agent "${userAgent}" contains "${match}"`,
        };
      },
    },
    {
      check: 'rate',
      limit: true,
      find: (call, dry) => {
        for (const place of placesOf(call)) {
          const problem = place.overRate(dry);
          if (problem !== undefined) return { status: 503, ...problem, retryAfterS: 1 };
        }
        return undefined;
      },
    },
    {
      check: 'caller',
      limit: true,
      find: ({ caller, anonymous }) => {
        const { blocksAnonymous, isBlockedCaller } = lists();
        if (caller === undefined || anonymous) {
          if (!blocksAnonymous) return undefined;
          return {
            status: 433,
            code: 'caller-anonymous',
            reason: 'border.block-callers holds "anonymous" (RFC 5079)',
          };
        }
        if (!isBlockedCaller(caller)) return undefined;
        return { status: 603, code: 'caller-blocked', reason: `${caller} is on border.block-callers` };
      },
    },
    {
      check: 'capacity',
      limit: true,
      find: (call) => {
        for (const place of placesOf(call)) {
          const problem = place.overCapacity();
          if (problem !== undefined) return { status: 503, ...problem };
        }
        return undefined;
      },
    },
  ];
}
