import type { Reader } from '../base/shape/index.js';
import type { WrittenSettings, WrittenTrunk } from './read-settings.js';

/**
 * Settings that are understood and checked, but do not do yet what they say. Each is told of where it stands, with what happens
 * instead; an entry goes when its feature comes.
 */
export function reportDeferred(settings: WrittenSettings, reader: Reader): void {
  const { sip, media } = settings;
  for (const { url } of sip?.listen ?? []) {
    const { transport } = url.value;
    // A drachtio-server listens by its own settings, and may well have TLS.
    if (transport !== 'udp' && transport !== 'tcp' && sip?.drachtio === undefined) {
      reader.error(
        url.place,
        'not-yet',
        `${transport} listeners come with a later version`,
        'listen on udp:// or tcp://, or let a drachtio-server listen (`sip.drachtio`)',
      );
    }
  }
  if (sip?.tls !== undefined)
    later(reader, sip.tls, 'TLS comes with a later version; until then the certificate is not used');
  if (media?.freeswitch !== undefined && media.freeswitch.value.length > 0) {
    later(
      reader,
      media.freeswitch,
      'FreeSWITCH comes with a later version; until then the embedded engine carries the media',
    );
  }
  for (const written of settings.trunks) reportTrunk(written, reader);
}

function reportTrunk({ name, trunk }: WrittenTrunk, reader: Reader): void {
  if (trunk.register !== undefined) {
    later(
      reader,
      trunk.register,
      `registering comes with a later version; until then "${name}" must know our address, and only \`from:\` tells its calls. The user name and password answer its challenges already`,
    );
  }
  for (const { uri } of trunk.to) {
    const { isSecure, transport } = uri.value;
    if (isSecure || (transport !== undefined && transport !== 'udp' && transport !== 'tcp')) {
      later(
        reader,
        uri,
        `calls over ${isSecure ? 'TLS' : transport} come with a later version; until then this destination cannot be reached`,
      );
    }
  }
}

function later(
  reader: Reader,
  at: { readonly place: Parameters<Reader['warning']>[0] },
  message: string,
): void {
  reader.warning(at.place, 'not-yet', message);
}
