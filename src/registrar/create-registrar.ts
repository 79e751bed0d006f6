import type { DeviceDefinition } from '../model/index.js';
import { unescapeUri, type NameAddr, type SipRequest } from '../sip/index.js';
import { createBindings, isSameContact, MAX_CONTACTS_PER_DEVICE } from './bindings.js';
import { createDigestCheck, type DigestVerdict } from './digest-check.js';
import { createNatKeepAlive } from './nat-keep-alive.js';
import { createNonces } from './nonces.js';
import type { Binding, RegistrarDeps, RegistrationSource } from './ports.js';
import { MIN_EXPIRES_S, readContacts } from './read-contacts.js';

export interface RegisterAnswer {
  readonly status: number;
  readonly reason?: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Where an INVITE's caller stands; the status is always 401, we are the callee (RFC 3261 §22.2). */
export type InviteVerdict =
  | { readonly kind: 'ok'; readonly device: DeviceDefinition }
  | { readonly kind: 'trunk'; readonly trunk: string }
  | {
      readonly kind: 'challenge';
      readonly status: 401;
      readonly headers: readonly (readonly [name: string, value: string])[];
    }
  | { readonly kind: 'failed' };

export interface Registrar {
  /** Answers a REGISTER (RFC 3261 §10.3, RFC 3327, RFC 5626's instance). */
  register(request: SipRequest, source: RegistrationSource): RegisterAnswer;
  /** Digest of a caller that no address identifies. */
  authenticateInvite(request: SipRequest, source: { readonly address: string }): InviteVerdict;
  /** Whether the phone that the request names as its sender is registered from this very address and port. */
  isPhoneAt(
    request: SipRequest,
    source: { readonly address: string; readonly port: number; readonly transport: string },
  ): boolean;
  /** Current bindings of a device, newest first; empty: not registered. */
  bindingsOf(device: string): readonly Binding[];
  list(): readonly Binding[];
  /** Whether a phone is registered from this address. */
  isHome(address: string): boolean;
  start(): void;
  stop(): void;
}

/** The registrar: devices of the plan prove themselves by digest and say where they are. */
export function createRegistrar(deps: RegistrarDeps): Registrar {
  const { clock, logger } = deps;
  const digest = createDigestCheck({ ...deps, nonces: createNonces(clock, deps.randomHex) });
  const bindings = createBindings({
    clock,
    store: deps.store,
    onExpired: (binding) => {
      logger.info({ device: binding.device, contact: binding.contact }, 'registration expired');
      deps.onChange?.({ kind: 'unregistered', binding });
    },
  });

  const keepAlive = deps.natKeepAlive && createNatKeepAlive(clock, () => bindings.all(), deps.natKeepAlive);

  const judge = (request: SipRequest, address: string): DigestVerdict => {
    const verdict = digest.check(request, address);
    if (verdict.kind === 'failed') {
      logger.info({ address, method: request.method }, 'wrong digest');
      deps.onFailure(address);
    }
    return verdict;
  };

  const remove = (binding: Binding) => {
    bindings.remove(binding);
    logger.info({ device: binding.device, contact: binding.contact }, 'unregistered');
    deps.onChange?.({ kind: 'unregistered', binding });
  };

  const answer = (device: string): RegisterAnswer => {
    const now = clock.now();
    const current = bindings.of(device);
    const contacts = current.map(
      (binding) =>
        ['Contact', `<${binding.contact}>;expires=${Math.ceil((binding.expiresAt - now) / 1000)}`] as const,
    );
    const path = current[0]?.path.map((route) => ['Path', route] as const) ?? [];
    return { status: 200, headers: [...contacts, ...path] };
  };

  function bind(device: DeviceDefinition, request: SipRequest, source: RegistrationSource): RegisterAnswer {
    const asked = readContacts(request);
    const { callId } = request;
    const { seq } = request.cseq;
    const current = bindings.of(device.name);
    switch (asked.kind) {
      case 'query':
        return answer(device.name);
      case 'refuse': {
        const headers = asked.status === 423 ? [['Min-Expires', String(MIN_EXPIRES_S)] as const] : [];
        return { status: asked.status, headers, ...(asked.reason !== undefined && { reason: asked.reason }) };
      }
      case 'remove-all':
        for (const binding of current) {
          if (binding.callId !== callId || seq > binding.cseq) remove(binding);
        }
        return answer(device.name);
      case 'contacts': {
        const next = asked.contacts.map(({ address, expiresS }) => ({
          expiresS,
          binding: makeBinding(device, request, source, address, clock.now(), expiresS),
        }));
        // RFC 3261 §10.3 step 7: an older request of the same Call-ID changes nothing at all.
        const outdated = next.some(({ binding }) =>
          current.some((old) => isSameContact(old, binding) && old.callId === callId && seq <= old.cseq),
        );
        if (outdated) return { status: 500, reason: 'CSeq Out of Order', headers: [['Retry-After', '1']] };
        const kept = current.filter((old) => !next.some(({ binding }) => isSameContact(old, binding)));
        const added = next.filter(({ expiresS }) => expiresS > 0);
        if (kept.length + added.length > MAX_CONTACTS_PER_DEVICE) {
          return { status: 403, reason: 'Too Many Contacts', headers: [] };
        }
        for (const { binding, expiresS } of next) {
          const old = current.find((other) => isSameContact(other, binding));
          if (expiresS === 0) {
            if (old !== undefined) remove(old);
            continue;
          }
          bindings.put(binding);
          if (old === undefined) {
            logger.info(
              { device: device.name, contact: binding.contact, source: binding.source },
              'registered',
            );
          }
          if (old?.callId !== callId) deps.onChange?.({ kind: 'registered', binding });
        }
        return answer(device.name);
      }
    }
  }

  return {
    register: (request, source) => {
      const verdict = judge(request, source.address);
      switch (verdict.kind) {
        case 'challenge':
          return { status: 401, headers: verdict.headers };
        // Calls of a trunk come by its login; where it is its `to:` says.
        case 'trunk':
        case 'failed':
          return { status: 403, headers: [] };
        case 'ok': {
          const { device } = verdict;
          const wanted = unescapeUri(request.to.parsed.user ?? '');
          // Nobody registers in another's name.
          const names = [device.name, device.extension];
          if (!names.includes(wanted) && !names.map(withoutTenant).includes(wanted))
            return { status: 403, headers: [] };
          return bind(device, request, source);
        }
      }
    },
    authenticateInvite: (request, { address }) => {
      const verdict = judge(request, address);
      return verdict.kind === 'challenge' ? { ...verdict, status: 401 } : verdict;
    },
    isPhoneAt: (request, { address, port, transport }) => {
      const user = unescapeUri(request.from.parsed.user ?? '');
      const host = address.includes(':') ? `[${address}]` : address;
      const at = `sip:${host}:${port};transport=${transport}`;
      return user !== '' && bindings.of(user).some(({ source }) => source === at);
    },
    bindingsOf: (device) => bindings.of(device),
    list: () => bindings.all(),
    isHome: (address) => bindings.isHome(address),
    start: () => {
      bindings.start();
      keepAlive?.start();
    },
    stop: () => {
      keepAlive?.stop();
      bindings.stop();
    },
  };
}

function withoutTenant(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function makeBinding(
  device: DeviceDefinition,
  request: SipRequest,
  source: RegistrationSource,
  contact: NameAddr,
  now: number,
  expiresS: number,
): Binding {
  const instance = contact.params.get('+sip.instance');
  const userAgent = request.headers.get('User-Agent');
  const host = source.address.includes(':') ? `[${source.address}]` : source.address;
  return {
    device: device.name,
    extension: device.extension,
    contact: contact.uri,
    path: request.headers.list('Path').slice(0, 8),
    source: sourceUri(host, source),
    listener: source.listener,
    ...(instance !== undefined && { instance }),
    ...(userAgent !== undefined && { userAgent: userAgent.slice(0, 256) }),
    callId: request.callId,
    cseq: request.cseq.seq,
    registeredAt: now,
    expiresAt: now + expiresS * 1000,
  };
}

function sourceUri(host: string, source: RegistrationSource): string {
  return `sip:${host}:${source.port};transport=${source.transport}`;
}
