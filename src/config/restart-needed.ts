import { isDeepStrictEqual } from 'node:util';
import type { Settings } from './settings.js';

/**
 * The changed settings that take force only at a restart, by the names the file has for them, e.g. `sip.listen`. Trunks, border,
 * limits, numbers and API keys take force at a reload.
 */
export function restartNeeded(before: Settings, after: Settings): readonly string[] {
  const compared: Readonly<Record<string, (settings: Settings) => unknown>> = {
    'sip.listen': (settings) => settings.sip.listen,
    'sip.domain': (settings) => settings.sip.domain,
    'sip.drachtio': (settings) => settings.sip.drachtio,
    'sip.user-agent': (settings) => settings.sip.userAgent,
    'sip.max-udp': (settings) => settings.sip.maxUdpBytes,
    'sip.digest': (settings) => settings.sip.digest,
    'sip.ring-timeout': (settings) => settings.sip.ringTimeoutMs,
    'sip.ring-fast': (settings) => settings.sip.ringFastMs,
    'sip.nat-keep-alive': (settings) => settings.sip.natKeepAliveMs,
    'sip.drain-timeout': (settings) => settings.sip.drainTimeoutMs,
    media: (settings) => settings.media,
    dialplans: (settings) => settings.dialplans,
    'api.listen': (settings) => [settings.api.host, settings.api.port],
    store: (settings) => settings.store,
    log: (settings) => settings.log,
  };
  return Object.entries(compared)
    .filter(([, part]) => !isDeepStrictEqual(part(before), part(after)))
    .map(([name]) => name);
}
