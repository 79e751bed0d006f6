import type { Node } from '../../base/document.js';
import {
  boolean,
  byKind,
  duration,
  fields,
  mapped,
  named,
  reference,
  unexpected,
  type Reader,
  type Shape,
} from '../../base/shape/index.js';
import type { Target } from '../plan.js';
import { numberTemplate } from './texts.js';

const EXPECTED =
  'an extension, a number that begins with +, or a map with one of extension, number, device, trunk, rota';

const long = mapped(
  fields(
    {
      extension: { shape: reference('extension'), doc: 'Rings an extension.' },
      number: {
        shape: numberTemplate,
        doc: 'Calls an outside number, placed by `outbound`; with `trunk`, the number asked for there.',
      },
      device: { shape: reference('device'), doc: 'Rings one device.' },
      trunk: { shape: reference('trunk'), doc: 'Calls over a trunk.' },
      rota: { shape: reference('rota'), doc: 'Rings whoever is on duty.' },
      confirm: { shape: boolean(), doc: 'Who answers must press 1 to take the call.', default: 'false' },
      delay: { shape: duration(), doc: 'Starts to ring so much later than the others.', default: '0s' },
      for: { shape: duration({ minMs: 1000 }), doc: 'Rings at most so long.' },
    },
    { expected: EXPECTED },
  ),
  (read, node, reader): Target | null => {
    const who = whoOf(read, node, reader);
    if (who === null) return null;
    return {
      place: node.place,
      who,
      confirm: read.confirm,
      delayMs: read.delay,
      ...(read.for !== undefined && { forMs: read.for }),
    };
  },
);

interface Named {
  readonly extension?: string;
  readonly number?: ReturnType<typeof numberTemplate.read> & object;
  readonly device?: string;
  readonly trunk?: string;
  readonly rota?: string;
}

function whoOf(read: Named, node: Node, reader: Reader): Target['who'] | null {
  const given = [
    read.extension,
    read.trunk === undefined ? read.number : undefined,
    read.device,
    read.trunk,
    read.rota,
  ];
  if (given.filter((one) => one !== undefined).length !== 1) {
    return reader.refuse(
      node,
      'unexpected',
      'a target has exactly one of extension, number, device, trunk, rota',
    );
  }
  if (read.extension !== undefined) return { kind: 'extension', name: read.extension };
  if (read.device !== undefined) return { kind: 'device', name: read.device };
  if (read.rota !== undefined) return { kind: 'rota', name: read.rota };
  if (read.trunk !== undefined) {
    return { kind: 'trunk', name: read.trunk, ...(read.number !== undefined && { number: read.number }) };
  }
  return read.number === undefined ? null : { kind: 'number', number: read.number };
}

const short: Shape<Target> = {
  expected: EXPECTED,
  read(node, reader) {
    if (node.kind !== 'text') return unexpected(node, EXPECTED, reader);
    const plain = { place: node.place, confirm: false, delayMs: 0 };
    if (node.parts !== undefined || node.text.startsWith('+')) {
      const number = numberTemplate.read(node, reader);
      return number === null ? null : { ...plain, who: { kind: 'number', number } };
    }
    const name = reference('extension').read(node, reader);
    return name === null ? null : { ...plain, who: { kind: 'extension', name } };
  },
  schema: () => ({ type: ['string', 'number'] }),
};

/** TARGET: `"201"`, `"+…"`, or a map. */
export const target: Shape<Target> = named('target', EXPECTED, () =>
  byKind({ text: short, map: long }, EXPECTED),
);
