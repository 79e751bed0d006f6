import {
  boolean,
  byKind,
  duration,
  fields,
  integer,
  list,
  mapped,
  oneWordOf,
  parsed,
  text,
  type ReadBy,
} from '../base/shape/index.js';
import { DEFAULT_RETRY_ON } from '../model/index.js';
import { numbersSection } from './numbers-section.js';
import { located, name, networkOrHost, secret, sipUri, type Located, type SipUri } from './values.js';

/** Statuses after which no other destination is tried: the person called has decided. */
const FINAL_STATUSES: readonly number[] = [486, 600, 603, 607, 608];

export interface WrittenDestination {
  readonly uri: Located<SipUri>;
  readonly weight: number;
  readonly priority: number;
}

const destination = byKind<WrittenDestination>(
  {
    text: mapped(located(sipUri()), (uri): WrittenDestination => ({ uri, weight: 1, priority: 1 })),
    map: fields({
      uri: {
        shape: located(sipUri()),
        doc: 'SIP URI of the next hop; a host name is looked up by RFC 3263.',
        required: true,
      },
      weight: {
        shape: integer({ min: 1, max: 65_535 }),
        doc: 'Share among destinations of the same priority.',
        default: '1',
      },
      priority: { shape: integer({ min: 0, max: 65_535 }), doc: 'Lower is tried first.', default: '1' },
    }),
  },
  'a SIP URI, or a map with uri, weight, priority',
);

const login = {
  username: {
    shape: text({
      pattern: /^[^\s":\0]{1,128}$/,
      expected: 'a user name without blanks, quotes and colons',
      digits: true,
    }),
    doc: 'User name.',
    required: true,
  },
  password: {
    shape: secret('password'),
    doc: 'Password; `"${NAME}"` takes it from the environment.',
    required: true,
  },
} as const;

const retryStatus = parsed(
  `a SIP status from 400 to 699, but none of ${FINAL_STATUSES.join(', ')}`,
  (written) => {
    const status = /^[4-6]\d\d$/.test(written) ? Number(written) : 0;
    return status === 0 || FINAL_STATUSES.includes(status) ? undefined : status;
  },
  { type: ['string', 'integer'] },
);

/** One entry of `trunks:`. */
export const trunkSection = fields(
  {
    kind: {
      shape: oneWordOf('carrier', 'pbx'),
      doc: '`carrier`: its calls come from outside. `pbx`: its calls come from our own people, or from outside when they dial a DID.',
      required: true,
    },
    from: {
      shape: list(located(networkOrHost()), { max: 10_000, single: true }),
      doc: 'Addresses, blocks and host names whose calls belong to this trunk. A host name is resolved and kept fresh.',
      default: [],
    },
    to: {
      shape: list(destination, { max: 100, single: true }),
      doc: 'Where calls to this trunk go: SIP URIs, tried by priority and weight.',
      default: [],
    },
    register: {
      shape: located(
        fields({
          registrar: { shape: sipUri(), doc: 'SIP URI of the registrar.', required: true },
          ...login,
          expires: {
            shape: duration({ minMs: 30_000, maxMs: 86_400_000 }),
            doc: 'How long a registration is asked to last.',
            default: '300s',
          },
        }),
      ),
      doc: 'A carrier we log in with.',
    },
    digest: {
      shape: located(fields(login)),
      doc: 'A peer that logs in with us by digest (RFC 8760), from whatever address; each of its calls is challenged. As its address is not known, the rates of `border.unknown-rate` hold for it. What `from:` names needs no login.',
    },
    did: {
      shape: list(oneWordOf('request-uri', 'to', 'p-called-party-id', 'diversion', 'history-info'), {
        min: 1,
        max: 5,
        single: true,
      }),
      doc: 'Where the number that was dialled stands: the first place that holds one.',
      default: ['request-uri', 'to', 'p-called-party-id'],
    },
    numbers: {
      shape: numbersSection,
      doc: 'How this trunk writes numbers. What is not given is that of the server.',
      default: {},
    },
    'caller-id': {
      shape: fields({
        trust: {
          shape: boolean(),
          doc: 'The asserted identity of its calls is believed, and a withheld one is passed on to it.',
          default: 'false',
        },
        header: {
          shape: oneWordOf('from', 'p-asserted-identity', 'remote-party-id'),
          doc: 'Header in which identities are asserted.',
          default: 'p-asserted-identity',
        },
      }),
      doc: 'Whose word on the caller is believed, and where it stands.',
      default: {},
    },
    limits: {
      shape: fields({
        calls: { shape: integer({ min: 1, max: 1_000_000 }), doc: 'Calls at the same time.' },
        'per-second': { shape: integer({ min: 1, max: 100_000 }), doc: 'New calls a second.' },
        'minutes-per-day': {
          shape: integer({ min: 1, max: 100_000_000 }),
          doc: 'Minutes talked a day (UTC).',
        },
      }),
      doc: 'Limits of this trunk, in and out together.',
      default: {},
    },
    probe: {
      shape: fields({
        every: {
          shape: duration({ minMs: 1000, maxMs: 86_400_000 }),
          doc: 'Time between two OPTIONS to each destination.',
          default: '30s',
        },
        'down-after': {
          shape: integer({ min: 1, max: 100 }),
          doc: 'Failures in a row that mark a destination down.',
          default: '3',
        },
        'up-after': {
          shape: integer({ min: 1, max: 100 }),
          doc: 'Answers in a row that mark it up again.',
          default: '2',
        },
      }),
      doc: 'Asks the destinations by OPTIONS whether they are there. Without it nobody is asked.',
    },
    'retry-on': {
      shape: list(retryStatus, { max: 100, single: true }),
      doc: 'Answers after which the next destination is tried.',
      default: DEFAULT_RETRY_ON.map(String),
    },
    codecs: {
      shape: located(
        list(text({ pattern: /^[A-Za-z0-9._-]{1,32}$/, expected: 'the name of a codec such as PCMU' }), {
          min: 1,
          max: 32,
        }),
      ),
      doc: 'Audio codecs kept in offers to and from this trunk, by name, in the order of the offer. Telephone events (RFC 4733) and comfort noise stay with them, listed or not; other media pass. None left: 488, or the next trunk. Without it an offer stays as it is.',
    },
    media: {
      shape: located(oneWordOf('relay', 'direct')),
      doc: '`relay`: media runs through us. `direct`: the two sides send to one another.',
    },
    'session-timer': {
      // RFC 4028 §4: no interval below 90 seconds.
      shape: duration({ minMs: 90_000, maxMs: 86_400_000 }),
      doc: 'Session timer (RFC 4028) to ask for, at least 90s. Without it none is asked for, and the peer’s is accepted.',
    },
    'try-timeout': {
      shape: duration({ minMs: 200, maxMs: 32_000 }),
      doc: 'No reply at all for so long: the next destination is tried.',
      default: '4s',
    },
    'max-duration': { shape: duration({ minMs: 1000 }), doc: 'Longest a call may last once answered.' },
    'keep-alive': {
      shape: duration({ minMs: 5000, maxMs: 86_400_000 }),
      doc: 'OPTIONS within the dialog so often, so that no call outlives its peer.',
    },
    rel100: {
      shape: oneWordOf('off', 'supported', 'required'),
      doc: 'Reliable provisional responses (RFC 3262) on calls to this trunk.',
      default: 'supported',
    },
    listener: { shape: located(text()), doc: 'Name of the listener its calls leave from.' },
    site: { shape: located(name('site')), doc: 'Site of the dialplan its callers belong to.' },
    tenant: { shape: name('tenant'), doc: 'Tenant its calls belong to.' },
  },
  { expected: 'a trunk: a map with kind, from, to …' },
);

export type TrunkSection = ReadBy<typeof trunkSection>;

/** Key of one entry of `trunks:`. */
export const trunkName = name('trunk');
