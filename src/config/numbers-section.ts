import { fields, list, oneWordOf, text, type ReadBy } from '../base/shape/index.js';
import { DEFAULT_RECEIVE_FORMS, type NumberForm, type NumberRules } from '../model/index.js';
import { country } from './values.js';

const FORMS = [
  '+e164',
  'e164',
  '00e164',
  'national',
  'local',
  'short',
] as const satisfies readonly NumberForm[];

/** `numbers:` of the whole server, and of a trunk. */
export const numbersSection = fields({
  country: { shape: country(), doc: 'Country whose national numbers are meant, as its two letters.' },
  'area-code': {
    shape: text({ pattern: /^\d{1,6}$/, expected: 'the digits of an area code', digits: true }),
    doc: 'Area code of numbers written without one.',
  },
  receive: {
    shape: list(oneWordOf(...FORMS), { min: 1, max: 6, single: true }),
    doc: 'Forms in which peers write numbers, tried in order: `+e164`, `e164`, `00e164`, `national`, `local`, `short`. Default: `+e164`, `00e164`, `national`, and `local` where there is an area code.',
  },
  send: { shape: oneWordOf(...FORMS), doc: 'Form in which numbers are sent. Default `+e164`.' },
});

export type NumbersSection = ReadBy<typeof numbersSection>;

/** No country: numbers without their country's code are not read. */
const NO_COUNTRY = '';

/** What is not given is inherited; the area code only within the same country. */
export function resolveNumbers(own: NumbersSection, inherited?: NumbersSection): NumberRules {
  const theirCountry = inherited?.country ?? NO_COUNTRY;
  const ownCountry = own.country ?? theirCountry;
  const areaCode = own['area-code'] ?? (ownCountry === theirCountry ? inherited?.['area-code'] : undefined);
  const usual = areaCode === undefined ? DEFAULT_RECEIVE_FORMS : [...DEFAULT_RECEIVE_FORMS, 'local' as const];
  return {
    country: ownCountry,
    ...(areaCode !== undefined && { areaCode }),
    receive: own.receive ?? inherited?.receive ?? usual,
    send: own.send ?? inherited?.send ?? '+e164',
  };
}
