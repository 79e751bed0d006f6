import { boolean, fields, integer } from '../../base/shape/index.js';
import type { ConferenceDefinition } from '../plan.js';
import { section } from './section.js';
import { pin } from './section-people.js';

export const conferencesSection = section(
  'conferences',
  fields({
    pin: { shape: pin, doc: 'Asked of everybody. Default: everybody enters.' },
    'host-pin': { shape: pin, doc: 'Entered in its place by hosts, who may mute the others.' },
    max: { shape: integer({ min: 2, max: 1000 }), doc: 'Most members.', default: '50' },
    record: { shape: boolean(), doc: 'What is said there is recorded.', default: 'false' },
  }),
  (read, { name, place, reader }): ConferenceDefinition | null => {
    const { pin: own, 'host-pin': hostPin } = read;
    if (hostPin !== undefined && own === undefined) {
      const hint = 'without pin: nobody is asked for one';
      return reader.error(place, 'missing-key', 'host-pin: needs a pin: for the others', hint);
    }
    if (hostPin !== undefined && hostPin === own) {
      return reader.error(place, 'same-pin', 'pin: and host-pin: are the same: everybody would be a host');
    }
    return {
      name,
      place,
      ...(own !== undefined && { pin: own }),
      ...(hostPin !== undefined && { hostPin }),
      max: read.max,
      record: read.record,
    };
  },
);
