import { createCidrSet, parseCidr } from '../base/cidr.js';
import type { Place } from '../base/diagnostic.js';
import { didYouMean, type Reader } from '../base/shape/index.js';
import type { WrittenSettings, WrittenTrunk } from './read-settings.js';
import { listenerNames } from './resolve-settings.js';
import { isLoopback, type Located } from './values.js';

/** The password every example has: known to the world. */
const DEFAULT_PASSWORD = 'change-me';

/** What no single field can tell: that the pieces fit together. */
export function checkSettings(settings: WrittenSettings, reader: Reader): void {
  checkListeners(settings, reader);
  checkTrunks(settings, reader);
  checkPasswords(settings, reader);
  checkApi(settings, reader);
}

function checkListeners({ sip }: WrittenSettings, reader: Reader): void {
  if (sip === undefined) return;
  const byName = new Map<string, Place>();
  const byAddress = new Map<string, Place>();
  listenerNames(sip).forEach((name, index) => {
    const { url } = sip.listen[index]!;
    const { transport, host, port } = url.value;
    const earlier = byName.get(name);
    if (earlier !== undefined && sip.listen[index]!.name !== undefined) {
      reader.error(url.place, 'duplicate-name', `a listener named "${name}" is there already`, undefined, [
        { place: earlier, message: 'the first one' },
      ]);
    }
    byName.set(name, url.place);
    const address = `${transport}://${host}:${port}`;
    const taken = byAddress.get(address);
    if (taken !== undefined && port !== 0) {
      reader.error(url.place, 'duplicate-listener', `${address} is listened on already`, undefined, [
        { place: taken, message: 'the first listener' },
      ]);
    }
    byAddress.set(address, url.place);
  });
}

function checkTrunks({ sip, trunks, border }: WrittenSettings, reader: Reader): void {
  const listeners = sip === undefined ? undefined : new Set(listenerNames(sip));
  const blocks = new Map<string, { readonly trunk: string; readonly place: Place }>();
  const logins = new Map<string, { readonly trunk: string; readonly place: Place }>();
  const denied = border === undefined ? undefined : createCidrSet(border.deny.map((entry) => entry.value));
  for (const written of trunks) {
    const { trunk, name } = written;
    if (trunk.listener !== undefined && listeners?.has(trunk.listener.value) === false) {
      const hint = didYouMean(trunk.listener.value, listeners) ?? `there are: ${[...listeners].join(', ')}`;
      reader.error(
        trunk.listener.place,
        'unknown-name',
        `there is no listener "${trunk.listener.value}"`,
        hint,
      );
    }
    for (const from of trunk.from) {
      const key = blockKey(from.value);
      const other = blocks.get(key);
      if (other !== undefined) {
        const related = [{ place: other.place, message: `it stands here first, for "${other.trunk}"` }];
        const message =
          other.trunk === name
            ? `${from.value} stands here twice`
            : `"${name}" and "${other.trunk}" share ${from.value}: which one a call is from, its number decides`;
        reader.warning(from.place, 'shared-address', message, undefined, related);
      } else blocks.set(key, { trunk: name, place: from.place });
      const deny = denied?.match(from.value.split('/', 1)[0]!);
      if (deny !== undefined && covers(deny, from.value)) {
        reader.error(
          from.place,
          'denied-trunk',
          `${from.value} is denied by border.deny (${deny}), so "${name}" could never call`,
        );
      }
    }
    checkLogin(written, logins, reader);
    checkDestinations(written, reader);
  }
}

/** A user name says which trunk it is. */
function checkLogin(
  { name, trunk }: WrittenTrunk,
  logins: Map<string, { readonly trunk: string; readonly place: Place }>,
  reader: Reader,
): void {
  if (trunk.digest === undefined) return;
  const { place } = trunk.digest;
  const { username } = trunk.digest.value;
  const other = logins.get(username);
  if (other === undefined) logins.set(username, { trunk: name, place });
  else {
    reader.error(
      place,
      'duplicate-login',
      `"${other.trunk}" has the digest user name ${username} already`,
      undefined,
      [{ place: other.place, message: 'it stands here first' }],
    );
  }
}

function checkDestinations({ name, place, trunk }: WrittenTrunk, reader: Reader): void {
  const seen = new Map<string, Place>();
  for (const { uri } of trunk.to) {
    const earlier = seen.get(uri.value.text.toLowerCase());
    if (earlier !== undefined) {
      reader.warning(uri.place, 'duplicate-destination', `${uri.value.text} stands here twice`, undefined, [
        { place: earlier, message: 'the first one' },
      ]);
    } else seen.set(uri.value.text.toLowerCase(), uri.place);
  }
  if (
    trunk.from.length === 0 &&
    trunk.to.length === 0 &&
    trunk.register === undefined &&
    trunk.digest === undefined
  ) {
    reader.warning(
      place,
      'idle-trunk',
      `no call can come from "${name}" and none can go to it`,
      'say where its calls come from (`from:`), or where calls to it go (`to:`)',
    );
  }
  if (trunk.probe !== undefined && trunk.to.length === 0) {
    reader.warning(place, 'idle-probe', `"${name}" has no destination (\`to:\`) to probe`);
  }
}

function checkPasswords(settings: WrittenSettings, reader: Reader): void {
  const open = settings.sip?.listen.find((listener) => !isLoopback(listener.url.value.host));
  for (const { what, password } of passwordsOf(settings)) {
    if (password.value !== DEFAULT_PASSWORD) continue;
    const message = `the ${what} is still "${DEFAULT_PASSWORD}"`;
    const hint = 'set the environment variable it comes from, or write a password of your own';
    if (open === undefined) {
      reader.warning(
        password.place,
        'default-password',
        `${message}; with a listener beyond loopback Trunkline would not start`,
        hint,
      );
      continue;
    }
    reader.error(password.place, 'default-password', `${message}, and the world may try it`, hint, [
      { place: open.url.place, message: 'this listener can be reached from outside' },
    ]);
  }
}

function passwordsOf({
  sip,
  media,
  trunks,
}: WrittenSettings): readonly { readonly what: string; readonly password: Located<string> }[] {
  const found: { what: string; password: Located<string> }[] = [];
  for (const { name, trunk } of trunks) {
    if (trunk.register !== undefined) {
      found.push({ what: `password for registering "${name}"`, password: trunk.register.value.password });
    }
    if (trunk.digest !== undefined)
      found.push({ what: `password of "${name}"`, password: trunk.digest.value.password });
  }
  if (sip?.drachtio !== undefined)
    found.push({ what: 'secret of the drachtio-server', password: sip.drachtio.secret });
  for (const server of media?.freeswitch?.value ?? []) {
    found.push({ what: 'secret of FreeSWITCH', password: server.secret });
  }
  return found;
}

function checkApi({ api }: WrittenSettings, reader: Reader): void {
  if (api === undefined) return;
  if (api.keys.length === 0 && !isLoopback(api.listen.value.host)) {
    reader.error(
      api.listen.place,
      'open-api',
      `the API would listen on ${api.listen.value.host} for everyone, since there are no keys`,
      'listen on 127.0.0.1, or make a key with `trunkline keys add`',
    );
  }
  const seen = new Map<string, Place>();
  for (const { name } of api.keys) {
    const earlier = seen.get(name.value);
    if (earlier !== undefined) {
      reader.error(name.place, 'duplicate-name', `a key named "${name.value}" is there already`, undefined, [
        { place: earlier, message: 'the first one' },
      ]);
    }
    seen.set(name.value, name.place);
  }
}

/** The same for all ways to write a block. */
function blockKey(entry: string): string {
  const block = parseCidr(entry);
  return 'error' in block ? entry : `${block.family}/${block.bits}/${block.words.join('.')}`;
}

/** Whether the whole of a trunk's block lies in one that is denied. */
function covers(deny: string, entry: string): boolean {
  const outer = parseCidr(deny);
  const inner = parseCidr(entry);
  return !('error' in outer) && !('error' in inner) && outer.bits <= inner.bits;
}
