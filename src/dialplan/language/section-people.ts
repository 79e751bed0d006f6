import {
  boolean,
  byKind,
  duration,
  fields,
  list,
  mapped,
  reference,
  text,
  type Reader,
  type Shape,
} from '../../base/shape/index.js';
import type { TextNode } from '../../base/document.js';
import type { DeviceDefinition } from '../../model/index.js';
import type { ExtensionDefinition, Forwards, MailboxDefinition, Steps, Target } from '../plan.js';
import { EXTENSION_NAME_PATTERN, parseBlock } from './names.js';
import { prompt } from './prompts.js';
import { section, type Heading } from './section.js';
import { noteSecret } from './secrets.js';
import { target } from './targets.js';
import { plainNumber } from './texts.js';
import { steps } from './steps.js';

const forwardsLong = mapped(
  fields({
    always: { shape: target, doc: 'Every call.' },
    busy: { shape: target, doc: 'Calls while busy.' },
    'no-answer': { shape: target, doc: 'Calls that nobody answers.' },
    unreachable: { shape: target, doc: 'Calls while no device is registered or the PBX is down.' },
  }),
  (read): Forwards => ({
    ...(read.always !== undefined && { always: read.always }),
    ...(read.busy !== undefined && { busy: read.busy }),
    ...(read['no-answer'] !== undefined && { noAnswer: read['no-answer'] }),
    ...(read.unreachable !== undefined && { unreachable: read.unreachable }),
  }),
);
const forwards: Shape<Forwards> = byKind<Forwards>({
  text: mapped(target, (always: Target): Forwards => ({ always })),
  map: forwardsLong,
});

/** A password, remembered as one that stands in clear unless the environment gave it. */
export const password: Shape<string> = mapped(text({ maxLength: 256 }), (written, node, reader) => {
  noteSecret(reader, node, 'password');
  return written;
});

const extensionFields = fields(
  {
    name: { shape: text({ maxLength: 128 }), doc: 'The person’s or room’s name, as others see it.' },
    password: {
      shape: password,
      doc: 'It registers here with this password: short for one device of the extension’s own name.',
    },
    devices: {
      shape: list(reference('device'), { single: true, min: 1 }),
      doc: 'Its devices, defined under `devices:`.',
    },
    trunk: { shape: reference('trunk'), doc: 'It lives on the PBX behind this trunk.' },
    route: { shape: steps, doc: 'Steps of its own, as for a ring group.' },
    mailbox: {
      shape: reference('mailbox'),
      doc: 'Its mailbox; calls that fail go there unless `otherwise` says else.',
    },
    'caller-id': { shape: plainNumber, doc: 'The number it shows outside.' },
    forward: {
      shape: forwards,
      doc: 'Where its calls go: a target, or by always, busy, no-answer, unreachable.',
    },
    site: { shape: reference('site'), doc: 'Its site. A device’s own site goes before.' },
    for: { shape: duration({ minMs: 1000, maxMs: 3_600_000 }), doc: 'How long it rings.', default: '20s' },
    otherwise: {
      shape: steps,
      doc: 'Steps when it is not reached and the calling step says nothing. Default: its mailbox.',
    },
  },
  { doc: 'An extension, or a block lo..hi of extensions.' },
);

/** An extension as read; which devices it has is known when all files are read. */
export interface ExtensionReading {
  readonly definition: Omit<ExtensionDefinition, 'where'>;
  readonly where: { readonly trunk?: string; readonly route?: Steps; readonly devices: readonly string[] };
  readonly ownDevice?: DeviceDefinition;
}

export const extensionsSection = section('extensions', extensionFields, readExtension, checkExtensionName);

function readExtension(
  read: typeof extensionFields extends Shape<infer T> ? T : never,
  heading: Heading,
): ExtensionReading | null {
  const block = parseBlock(heading.bare);
  const { reader } = heading;
  const ways = [read.password ?? read.devices, read.trunk, read.route].filter((way) => way !== undefined);
  if (ways.length > 1) {
    return reader.error(
      heading.place,
      'two-places',
      'an extension is in one place: password or devices, trunk, or route',
    );
  }
  if (block !== undefined && (read.password !== undefined || read.devices !== undefined)) {
    const hint = 'write each extension, or say trunk: or route: for the block';
    return reader.error(
      heading.place,
      'block-registers',
      'the extensions of a block cannot share a password or devices',
      hint,
    );
  }
  const otherwise: Steps | undefined =
    read.otherwise ??
    (read.mailbox === undefined
      ? undefined
      : [{ verb: 'voicemail', place: heading.place, mailbox: read.mailbox, maxMs: 180_000, ifOutcome: {} }]);
  const site = read.site === undefined ? {} : { site: read.site };
  const tenant = heading.tenant === undefined ? {} : { tenant: heading.tenant };
  return {
    definition: {
      place: heading.place,
      name: block ?? heading.name,
      ...(read.name !== undefined && { displayName: read.name }),
      ...(read.mailbox !== undefined && { mailbox: read.mailbox }),
      ...(read['caller-id'] !== undefined && { callerId: read['caller-id'] }),
      forward: read.forward ?? {},
      ...site,
      forMs: read.for,
      ...(otherwise !== undefined && { otherwise }),
      ...tenant,
    },
    where: {
      ...(read.trunk !== undefined && { trunk: read.trunk }),
      ...(read.route !== undefined && { route: read.route }),
      devices: read.devices ?? [],
    },
    ...(read.password !== undefined && {
      ownDevice: {
        name: heading.name,
        extension: heading.name,
        password: read.password,
        ...site,
        hotDesk: false,
        ...tenant,
      },
    }),
  };
}

function checkExtensionName(key: TextNode, reader: Reader): boolean {
  if (key.text.includes('..')) {
    const block = parseBlock(key.text);
    if (block !== undefined && block.lo.length === block.hi.length && block.lo <= block.hi) return true;
    const message = `"${key.text}" is no block of extensions: lo..hi with as many digits on both sides`;
    reader.refuse(key, 'bad-block', message);
    return false;
  }
  if (EXTENSION_NAME_PATTERN.test(key.text)) return true;
  const message = `"${key.text}" cannot be an extension: digits, letters and "_ . - * #" can (at most 64)`;
  reader.refuse(
    key,
    'bad-name',
    message,
    key.text.startsWith('+') ? 'outside numbers belong under numbers:' : undefined,
  );
  return false;
}

export const devicesSection = section(
  'devices',
  fields({
    password: {
      shape: password,
      doc: 'The password of its registration; its user name is its name here.',
      required: true,
    },
    extension: { shape: reference('extension'), doc: 'Whose calls ring it.', required: true },
    site: { shape: reference('site'), doc: 'Where it stands: emergency calls are this site’s.' },
    'hot-desk': { shape: boolean(), doc: 'Others may log in here; the site stays.', default: 'false' },
  }),
  (read, heading): DeviceDefinition => ({
    name: heading.name,
    extension: read.extension,
    password: read.password,
    ...(read.site !== undefined && { site: read.site }),
    hotDesk: read['hot-desk'],
    ...(heading.tenant !== undefined && { tenant: heading.tenant }),
  }),
);

/** A PIN, remembered as one that stands in clear unless the environment gave it. */
export const pin: Shape<string> = mapped(
  text({ pattern: /^\d{3,16}$/, expected: 'a PIN of 3 to 16 digits', digits: true }),
  (written, node, reader) => {
    noteSecret(reader, node, 'pin');
    return written;
  },
);

export const mailboxesSection = section(
  'mailboxes',
  fields({
    pin: { shape: pin, doc: 'Asked for when it is listened to from another phone.' },
    greeting: { shape: prompt, doc: 'Played before the tone.' },
  }),
  (read, heading): MailboxDefinition => ({
    name: heading.name,
    place: heading.place,
    ...(read.pin !== undefined && { pin: read.pin }),
    ...(read.greeting !== undefined && { greeting: read.greeting }),
  }),
);
