import t from 'tap';
import { AppError } from '../../src/base/errors.js';
import { CallerEvents } from '../../src/calls/caller-events.js';
import { outboundIdentity, planHeaders } from '../../src/calls/outbound-identity.js';
import { RelayedSession } from '../../src/calls/relayed-session.js';
import type { MediaSession } from '../../src/media/index.js';
import type { CallFacts, EndCause } from '../../src/model/index.js';

function setUp(remote: string | undefined) {
  const heard: string[] = [];
  const ends: EndCause[] = [];
  const media = {
    remote,
    answered: (answer: string) => {
      if (answer === 'junk') throw new AppError('MEDIA_NOT_ACCEPTABLE', 'it is no SDP');
      heard.push(answer);
    },
  };
  const events = new CallerEvents({
    partner: undefined,
    session: new RelayedSession(media as unknown as MediaSession, undefined),
    hasEnded: false,
    end: (cause) => ends.push(cause),
    callerLeft: () => undefined,
  });
  return { events, heard, ends };
}

void t.test('an ACK that owes the answer to our offer and brings none, or junk, ends the call', (t) => {
  for (const answer of [undefined, 'junk']) {
    const { events, ends } = setUp(undefined);
    events.acknowledged(answer);
    t.match(ends, [{ sip: 488, kind: 'no-codec' }]);
  }
  const good = setUp(undefined);
  good.events.acknowledged('v=0');
  t.same(good.heard, ['v=0']);
  t.same(good.ends, []);
  t.end();
});

void t.test('a description in an ACK that owes none is left aside', (t) => {
  const { events, heard, ends } = setUp('their offer');
  events.acknowledged('v=0');
  events.acknowledged(undefined);
  t.same([heard, ends], [[], []]);
  t.end();
});

void t.test('what a caller writes into its name fails no call and makes no header', (t) => {
  const facts = { callerName: 'a|b\0c\r\nX-Evil: 1', caller: '+12125550000', callerRaw: '+12125550000' };
  const identity = outboundIdentity({ mode: 'keep', headers: [] }, {
    ...facts,
    anonymous: false,
  } as unknown as CallFacts);
  t.equal(identity.name, 'a b c  X-Evil: 1');
  t.same(planHeaders({ mode: 'keep', headers: [['X-Caller', 'a|b\r\nX-Evil: 1']] }), [
    ['X-Caller', 'a b  X-Evil: 1'],
  ]);
  t.end();
});
