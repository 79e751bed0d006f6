import type { TrunkSettings } from '../model/index.js';
import { createTrunkAddresses } from './addresses.js';
import { chooseDestinations, type RankedDestination } from './choose-destinations.js';
import { createHealth } from './health.js';
import { outboundForm, type OutboundForm, type OutboundRequest } from './outbound-form.js';
import type { TrunksDeps } from './ports.js';

export type TrunkMatch =
  | { readonly kind: 'trunk'; readonly trunk: TrunkSettings; readonly why: string }
  /** Several trunks share the address: the DID breaks the tie. */
  | { readonly kind: 'tie'; readonly trunks: readonly TrunkSettings[] }
  | { readonly kind: 'none' };

export interface TrunkStatus {
  readonly name: string;
  readonly kind: TrunkSettings['kind'];
  readonly networks: readonly string[];
  readonly destinations: readonly { readonly uri: string; readonly down: boolean }[];
}

export interface Trunks {
  /** Whose request this is, by its observed address. */
  identify(question: { readonly source: { readonly address: string } }): TrunkMatch;
  get(name: string): TrunkSettings | undefined;
  /** The trunk whose digest login (`digest:`) has this user name. */
  byLogin(username: string): { readonly trunk: string; readonly password: string } | undefined;
  /** In the order a call tries them; empty: nowhere to go. */
  destinations(trunk: string, random: () => number): readonly RankedDestination[];
  noteResult(trunk: string, uri: string, ok: boolean): void;
  buildOutbound(request: OutboundRequest): OutboundForm;
  /** The addresses of a trunk as CIDR blocks, names resolved. */
  networksOf(trunk: string): readonly string[];
  status(): readonly TrunkStatus[];
  /** Resolves once the host names of the trunks have been asked for. */
  configure(trunks: readonly TrunkSettings[]): Promise<void>;
  stop(): void;
}

/** The trunks: who sends from which address, where calls to them go, and in what form. */
export function createTrunks(deps: TrunksDeps): Trunks {
  let byName = new Map<string, TrunkSettings>();
  let logins = new Map<string, { trunk: string; password: string }>();
  const addresses = createTrunkAddresses({ ...deps, onChanged: deps.onNetworksChanged });
  const health = createHealth(deps);

  return {
    identify: ({ source: { address } }) => {
      const found = addresses.find(address);
      if (found.length === 0) return { kind: 'none' };
      if (found.length > 1) return { kind: 'tie', trunks: found };
      return { kind: 'trunk', trunk: found[0]!, why: `${address} is an address of trunk ${found[0]!.name}` };
    },
    get: (name) => byName.get(name),
    byLogin: (username) => logins.get(username),
    destinations: (name, random) => {
      const trunk = byName.get(name);
      return trunk === undefined
        ? []
        : chooseDestinations(trunk.to, (uri) => health.isDown(name, uri), random);
    },
    noteResult: (trunk, uri, ok) => health.note(trunk, uri, ok),
    buildOutbound: (request) => outboundForm(request, deps.domain),
    networksOf: (trunk) => addresses.networksOf(trunk),
    status: () =>
      [...byName.values()].map(({ name, kind, to }) => ({
        name,
        kind,
        networks: addresses.networksOf(name),
        destinations: to.map(({ uri }) => ({ uri, down: health.isDown(name, uri) })),
      })),
    configure: async (trunks) => {
      byName = new Map(trunks.map((trunk) => [trunk.name, trunk]));
      logins = new Map();
      for (const { name, digest } of trunks)
        if (digest !== undefined) logins.set(digest.username, { trunk: name, password: digest.password });
      health.configure(trunks);
      await addresses.configure(trunks);
    },
    stop: () => {
      addresses.stop();
      health.stop();
    },
  };
}
