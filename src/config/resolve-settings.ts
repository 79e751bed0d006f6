import { dirname, isAbsolute, resolve } from 'node:path';
import type { TrunkSettings } from '../model/index.js';
import { resolveNumbers, type NumbersSection } from './numbers-section.js';
import type { WrittenSettings, WrittenTrunk } from './read-settings.js';
import type { Settings, SipSettings } from './settings.js';
import type { SipSection } from './sip-section.js';

/** Everything there and right: the settings with defaults filled in and paths made absolute. Undefined where a section is missing. */
export function resolveSettings(file: string, written: WrittenSettings): Settings | undefined {
  const { sip, media, numbers, dialplans, border, limits, api, store, log } = written;
  if (
    sip === undefined ||
    media === undefined ||
    numbers === undefined ||
    dialplans === undefined ||
    border === undefined ||
    limits === undefined ||
    api === undefined ||
    store === undefined ||
    log === undefined
  ) {
    return undefined;
  }
  const path = (relative: string): string =>
    isAbsolute(relative) ? relative : resolve(dirname(file), relative);
  return {
    file,
    sip: resolveSip(sip),
    media: {
      ports: media.ports,
      prompts: path(media.prompts),
      say: media.say,
      language: media.language,
      extensions: media.extensions,
      ...optional('workers', media.workers),
      rtpTimeoutMs: media['rtp-timeout'],
      holdMusic: media['hold-music'],
      recordOnDemand: media['record-on-demand'],
      recordings: media.recordings === undefined ? dirname(path(store.path)) : path(media.recordings),
      ...optional('keepRecordingsMs', media['keep-recordings']),
      voicemail: {
        maxMessages: media.voicemail['max-messages'],
        maxBytes: media.voicemail['max-size'],
        ...optional('keepMs', media.voicemail.keep),
        pinAttempts: media.voicemail['pin-attempts'],
        pinLockMs: media.voicemail['pin-lock'],
        ...optional('hook', media.voicemail.hook),
      },
      freeswitch: (media.freeswitch?.value ?? []).map((server) => ({
        ...server,
        secret: server.secret.value,
      })),
    },
    numbers: resolveNumbers(numbers),
    dialplans: path(dialplans),
    trunks: written.trunks.map((trunk) => resolveTrunk(trunk, numbers)),
    trunkSites: written.trunks.flatMap(({ name, trunk: { site } }) =>
      site === undefined ? [] : [{ trunk: name, site: site.value, place: site.place }],
    ),
    border: {
      allow: border.allow,
      deny: border.deny.map((entry) => entry.value),
      blockCallers: border['block-callers'],
      blockUserAgents: border['block-user-agents'],
      unknownRate: {
        perSourcePerS: border.rate.unknown['per-source'],
        burst: border.rate.unknown.burst,
        totalPerS: border.rate.unknown.total,
      },
      ban: {
        after: border.ban.after,
        withinMs: border.ban.within,
        forMs: border.ban.for,
        escalate: border.ban.escalate,
        never: border.ban.never,
      },
      fraud: {
        denyPrefixes: border.fraud['deny-prefixes'].map((prefix) => prefix.replace(/\*$/, '')),
        ...optional('maxCallsPerHour', border.fraud['max-calls-per-hour']),
      },
      limits: { ...optional('calls', limits.calls), ...optional('perSecond', limits['per-second']) },
      mode: border.mode,
    },
    api: {
      host: api.listen.value.host,
      port: api.listen.value.port,
      keys: api.keys.map((key) => ({ name: key.name.value, role: key.role, hash: key.hash })),
    },
    store: {
      path: path(store.path),
      keepRecordsMs: store['keep-records'],
      keepAnswersMs: store['keep-answers'],
      durability: store.durability,
    },
    log: { level: log.level, redactNumbers: log['redact-numbers'] },
  };
}

function resolveSip(sip: SipSection): SipSettings {
  const names = listenerNames(sip);
  return {
    listen: sip.listen.map((listener, index) => ({
      name: names[index]!,
      ...listener.url.value,
      ...optional('advertise', listener.advertise),
      ...optional('media', listener.media?.value),
    })),
    domain: sip.domain,
    ...(sip.drachtio !== undefined && {
      drachtio: { host: sip.drachtio.host, port: sip.drachtio.port, secret: sip.drachtio.secret.value },
    }),
    userAgent: sip['user-agent'],
    digest: sip.digest,
    maxUdpBytes: sip['max-udp'],
    ringTimeoutMs: sip['ring-timeout'],
    ringFastMs: sip['ring-fast'],
    natKeepAliveMs: sip['nat-keep-alive'],
    drainTimeoutMs: sip['drain-timeout'],
  };
}

/** The listeners' names: as given, else `udp/127.0.0.1:5060`, with a number behind it where several have a port the system chooses. */
export function listenerNames(sip: SipSection): readonly string[] {
  const used = new Map<string, number>();
  return sip.listen.map((listener) => {
    if (listener.name !== undefined) return listener.name;
    const { transport, host, port } = listener.url.value;
    const name = `${transport}/${host.includes(':') ? `[${host}]` : host}:${port}`;
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  });
}

function resolveTrunk({ name, trunk }: WrittenTrunk, inherited: NumbersSection): TrunkSettings {
  const register = trunk.register?.value;
  const digest = trunk.digest?.value;
  return {
    name,
    kind: trunk.kind,
    from: trunk.from.map((entry) => entry.value),
    to: trunk.to.map(({ uri, weight, priority }) => ({ uri: uri.value.text, weight, priority })),
    ...(register !== undefined && {
      register: {
        registrar: register.registrar.text,
        username: register.username,
        password: register.password.value,
        expiresMs: register.expires,
      },
    }),
    ...(digest !== undefined && { digest: { username: digest.username, password: digest.password.value } }),
    did: trunk.did,
    numbers: resolveNumbers(trunk.numbers, inherited),
    callerId: trunk['caller-id'],
    limits: {
      ...optional('calls', trunk.limits.calls),
      ...optional('perSecond', trunk.limits['per-second']),
      ...optional('minutesPerDay', trunk.limits['minutes-per-day']),
    },
    ...(trunk.probe !== undefined && {
      probe: {
        everyMs: trunk.probe.every,
        downAfter: trunk.probe['down-after'],
        upAfter: trunk.probe['up-after'],
      },
    }),
    retryOn: trunk['retry-on'],
    ...optional('codecs', trunk.codecs?.value),
    media: trunk.media?.value ?? 'relay',
    ...optional('sessionTimerMs', trunk['session-timer']),
    tryTimeoutMs: trunk['try-timeout'],
    ...optional('maxDurationMs', trunk['max-duration']),
    ...optional('keepAliveMs', trunk['keep-alive']),
    rel100: trunk.rel100,
    ...optional('listener', trunk.listener?.value),
    ...optional('site', trunk.site?.value),
    ...optional('tenant', trunk.tenant),
  };
}

/** `{key: value}`, or nothing where there is no value. */
function optional<K extends string, V>(key: K, value: V | undefined): Readonly<Partial<Record<K, V>>> {
  return (value === undefined ? {} : { [key]: value }) as Readonly<Partial<Record<K, V>>>;
}
