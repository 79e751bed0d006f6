import t from 'tap';
import { AppError } from '../../src/base/errors.js';
import { silentLogger } from '../../src/base/logger.js';
import { createSignalling, type DialSpec, type SignallingRoom } from '../../src/signalling/index.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';
import { FakeControlServer, request, responseTo, settle, type Command } from './fake-control-server.js';
import { ANSWER, AttemptLog, DialogLog, NOTHING, OFFER, RoomLog } from './harness.js';
import { sdp } from './phone.js';

interface Bench {
  readonly server: FakeControlServer;
  readonly clock: FakeClock;
  readonly signalling: SignallingRoom;
  readonly log: RoomLog;
  dial(spec?: Partial<DialSpec>): { log: AttemptLog; attempt: ReturnType<SignallingRoom['dial']> };
  /** A response of the far side to a request of ours. */
  respond(
    command: Command,
    status: number,
    options?: Parameters<typeof responseTo>[2] & { internal?: boolean },
  ): void;
  counts(): string;
  stop(): Promise<void>;
}

async function bench(traits = {}): Promise<Bench> {
  const server = new FakeControlServer();
  const clock = createFakeClock();
  let opened = false;
  const signalling = createSignalling({
    engines: [
      {
        kind: 'embedded',
        id: 'fake',
        secret: 's',
        open: () => {
          const socket = opened ? server.open() : server.socket;
          opened = true;
          return socket;
        },
        traits,
      },
    ],
    logger: silentLogger,
    clock,
    random: () => 0.5,
  });
  const log = new RoomLog();
  await signalling.start(log);
  await log.engines.take('the engine');
  await settle();
  return {
    server,
    clock,
    signalling,
    log,
    dial: (spec = {}) => {
      const attemptLog = new AttemptLog();
      const attempt = signalling.dial(
        {
          target: 'sip:them@192.0.2.7',
          from: { uri: 'sip:us@127.0.0.1' },
          to: { uri: 'sip:them@192.0.2.7' },
          headers: [],
          maxForwards: 70,
          offer: OFFER,
          rel100: 'off',
          firstReplyMs: 4000,
          answerMs: 60_000,
          ...spec,
        },
        attemptLog,
      );
      return { log: attemptLog, attempt };
    },
    respond: (command, status, options = {}) => {
      const callId = /^Call-ID: ([^\r\n]*)/im.exec(command.raw)?.[1];
      const tag = /^From:.*;tag=([^\r\n]*)/im.exec(command.raw)?.[1] ?? '';
      const dialogId = callId === undefined ? (command.fields[1] ?? '') : `${callId};from-tag=${tag}`;
      server.push(
        server.network(
          server.txnOf(command),
          dialogId,
          responseTo(command, status, options),
          options.internal === true ? '' : undefined,
        ),
      );
    },
    counts: () => JSON.stringify(signalling.counts()),
    stop: async () => {
      const stopped = signalling.stop();
      for (let i = 0; i < 3; i++) {
        await settle();
        clock.advance(1000);
      }
      await stopped;
    },
  };
}

/** A call that came in and was answered and acknowledged. */
async function answered(
  bed: Bench,
  callId: string,
  invite: Parameters<FakeControlServer['invite']>[1] = {},
  timer?: { expiresS: number; minS: number },
) {
  const ids = bed.server.invite(callId, { body: OFFER, ...invite });
  const { call } = await bed.log.calls.take('the call');
  const log = new DialogLog();
  const outcome = await call.answer({ sdp: ANSWER, ...(timer === undefined ? {} : { timer }) }, log);
  if (outcome.kind !== 'dialog') throw new Error(outcome.kind);
  const ok = await bed.server.take('200');
  bed.server.push(bed.server.network(ids.txnId, ids.dialogId, request('ACK', { callId, toTag: 'local' })));
  await log.acknowledgements.take('the ACK');
  return { ...ids, dialog: outcome.dialog, log, ok };
}

/** A call of ours that was answered. */
async function dialed(bed: Bench, spec: Partial<DialSpec> = {}, headers = 'Allow: UPDATE, INVITE\r\n') {
  const { log } = bed.dial(spec);
  const invite = await bed.server.take('INVITE');
  await settle();
  bed.respond(invite, 200, { body: ANSWER, headers });
  const outcome = await log.outcomes.take('the answer');
  if (outcome.kind !== 'answered') throw new Error(outcome.kind);
  await bed.server.take('ACK');
  return { invite, dialog: outcome.dialog, log: log.dialog };
}

t.test('what may happen between an engine and us', (t) => {
  t.test('200 echo, ACK and BYE in one chunk: everything is told, in order', async (t) => {
    const bed = await bench();
    bed.server.silent.add('200');
    const { txnId, dialogId } = bed.server.invite('race', { body: OFFER });
    const { call } = await bed.log.calls.take('the call');
    const told: string[] = [];
    const outcome = call.answer(
      { sdp: ANSWER },
      {
        acknowledged: () => void told.push('acknowledged'),
        change: () => void told.push('change'),
        request: () => void told.push('request'),
        ended: (cause) => void told.push(`ended ${cause.kind}`),
      },
    );
    const ok = await bed.server.take('200');
    bed.server.push(
      bed.server.answer(ok),
      bed.server.network(txnId, dialogId, request('ACK', { callId: 'race', toTag: 'local' })),
      bed.server.network('bye', dialogId, request('BYE', { callId: 'race', toTag: 'local', cseq: 2 })),
    );
    const result = await outcome;
    t.equal(result.kind, 'dialog');
    if (result.kind === 'dialog') t.equal(result.dialog.state, 'ended');
    t.same(told, ['acknowledged', 'ended normal']);
    await bed.server.take('200');
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('INVITE and CANCEL in one chunk: the CANCEL is told after the call', async (t) => {
    const bed = await bench();
    bed.server.push(
      bed.server.network('t1', '', request('INVITE', { callId: 'quick', body: OFFER })),
      bed.server.network('t1', '', request('CANCEL', { callId: 'quick', branch: 'INVITEquick1' })),
    );
    const log = await bed.log.calls.take('the call');
    t.match(await log.cancels.take('the CANCEL'), { kind: 'cancelled' });
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('an INVITE that comes twice by two ways gets 482, and the first keeps its CANCEL', async (t) => {
    const bed = await bench();
    bed.server.invite('twin', { body: OFFER });
    const log = await bed.log.calls.take('the call');
    bed.server.push(bed.server.network('other', '', request('INVITE', { callId: 'twin', body: OFFER })));
    await bed.server.take('482');
    bed.server.push(
      bed.server.network('txn-twin', '', request('CANCEL', { callId: 'twin', branch: 'INVITEtwin1' })),
    );
    await log.cancels.take('the CANCEL');
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('two calls with one Call-ID: each gets its own CANCEL', async (t) => {
    const bed = await bench();
    for (const fromTag of ['a', 'b']) {
      bed.server.push(
        bed.server.network(
          `t${fromTag}`,
          '',
          request('INVITE', { callId: 'same', fromTag, branch: fromTag, body: OFFER }),
        ),
      );
    }
    const first = await bed.log.calls.take('the first');
    const second = await bed.log.calls.take('the second');
    const cancel = (branch: string): void => {
      bed.server.push(
        bed.server.network(`t${branch}`, '', request('CANCEL', { callId: 'same', fromTag: branch, branch })),
      );
    };
    cancel('a');
    await first.cancels.take('the first CANCEL');
    t.equal(second.cancels.size, 0);
    cancel('b');
    await second.cancels.take('the second CANCEL');
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('the answer finds its transaction gone: cancelled, though the CANCEL was never seen', async (t) => {
    const bed = await bench();
    bed.server.refused.set('200', 'Response not sent due to unknown transaction');
    bed.server.invite('gone', { body: OFFER });
    const log = await bed.log.calls.take('the call');
    t.same(await log.call.answer({ sdp: ANSWER }, new DialogLog()), { kind: 'cancelled' });
    t.match(await log.cancels.take('the CANCEL'), { kind: 'cancelled' });
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('ends the server makes are told by their cause', async (t) => {
    const bed = await bench();
    for (const [text, kind] of [
      ['ACK timeout', 'ack-timeout'],
      ['Session timer expired', 'session-expired'],
      ['ACK-BYE due to cancel race condition', 'cancelled'],
      ['who knows', 'engine-ended'],
    ] as const) {
      const { dialogId, log, dialog } = await answered(bed, `made-${kind}`);
      bed.server.push(bed.server.serverBye(dialogId, text));
      t.match(await log.ends.take('the end'), { kind });
      t.equal(dialog.state, 'ended');
    }
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('the engine goes down: every leg ends, every promise settles, and it comes back', async (t) => {
    const bed = await bench();
    const held = await answered(bed, 'held');
    const out = await dialed(bed);
    bed.server.silent.add('INVITE').add('200').add('BYE').add('INFO').add('OPTIONS');
    const { log: dialing } = bed.dial();
    bed.server.invite('ringing', { body: OFFER });
    const ringing = await bed.log.calls.take('the call');
    bed.server.invite('answering', { body: OFFER });
    const answering = await bed.log.calls.take('the call');
    const answer = answering.call.answer({ sdp: ANSWER }, new DialogLog());
    const change = out.dialog.change({ offer: sdp(2) });
    const info = held.dialog.request({ method: 'INFO' });
    const options = bed.signalling.request({
      method: 'OPTIONS',
      target: 'sip:them@192.0.2.7',
      from: { uri: 'sip:us@127.0.0.1' },
      to: { uri: 'sip:them@192.0.2.7' },
    });
    await settle();
    bed.server.socket.destroy();
    t.equal(await bed.log.engines.take('down'), 'down fake');
    t.equal(await bed.log.engines.take('dialogs-lost'), 'dialogs-lost fake');
    t.match(await held.log.ends.take('held'), { kind: 'engine-lost' });
    t.match(await out.log.ends.take('out'), { kind: 'engine-lost' });
    t.same(await dialing.outcomes.take('dialing'), { kind: 'unreachable', why: 'engine-lost' });
    t.match(await ringing.cancels.take('ringing'), { kind: 'engine-lost' });
    t.match(await answering.cancels.take('answering'), { kind: 'engine-lost' });
    t.same(await answer, { kind: 'engine-lost' });
    t.same(await change, { kind: 'gone' });
    t.same(await info, { kind: 'unreachable', why: 'engine-lost' });
    t.same(await options, { kind: 'unreachable', why: 'engine-lost' });
    t.equal(bed.counts(), NOTHING);
    t.same(await bed.dial().log.outcomes.take('while down'), { kind: 'unreachable', why: 'engine-lost' });
    bed.server.silent.clear();
    bed.clock.advance(1000);
    t.equal(await bed.log.engines.take('up again'), 'up fake');
    await settle();
    // The engine may have gone on with the two calls: it is told to end them.
    const byes = [await bed.server.take('BYE'), await bed.server.take('BYE')];
    t.ok(byes.some((bye) => bye.fields[1] === held.dialogId));
    await settle();
    for (const bye of byes) bed.respond(bye, 481);
    bed.server.commands.length = 0;
    await dialed(bed);
    await bed.stop();
    t.equal(bed.counts(), NOTHING);
  });

  t.test('an engine that answers no commands is taken for lost', async (t) => {
    const bed = await bench();
    bed.server.silent.add('INVITE');
    const { log } = bed.dial();
    await bed.server.take('INVITE');
    bed.clock.advance(10_000);
    await settle();
    t.equal(log.outcomes.size, 0);
    bed.clock.advance(5000);
    await settle();
    t.same(await log.outcomes.take('the outcome'), { kind: 'unreachable', why: 'engine-lost' });
    t.equal(await bed.log.engines.take('down'), 'down fake');
    await bed.stop();
    t.equal(bed.counts(), NOTHING);
  });

  t.test('a dialog the engine has lost ends at the next request', async (t) => {
    const bed = await bench();
    const { dialog, log } = await answered(bed, 'lost');
    bed.server.refused.set('INFO', 'Server error: unable to find dialog for dialog id provided');
    bed.server.refused.set('BYE', 'Server error: unable to find dialog for dialog id provided');
    t.same(await dialog.request({ method: 'INFO' }), { kind: 'gone' });
    t.match(await log.ends.take('the end'), { kind: 'peer-gone' });
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('what the engine refuses to send, and failures it makes up, are unreachable', async (t) => {
    const bed = await bench();
    bed.server.refused.set('INVITE', 'requested protocol/transport not available');
    t.same(await bed.dial().log.outcomes.take('refused'), { kind: 'unreachable', why: 'transport' });
    bed.server.refused.clear();
    bed.server.commands.length = 0;
    for (const [status, why] of [
      [408, 'no-reply'],
      [503, 'transport'],
    ] as const) {
      const { log } = bed.dial();
      const invite = await bed.server.take('INVITE');
      await settle();
      bed.respond(invite, status, { internal: true });
      t.same(await log.outcomes.take('the outcome'), { kind: 'unreachable', why });
    }
    const { log } = bed.dial();
    const invite = await bed.server.take('INVITE');
    await settle();
    bed.respond(invite, 503);
    t.match(await log.outcomes.take('the outcome'), { kind: 'refused', response: { status: 503 } });
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('a start that cannot open the engine says why', async (t) => {
    const signalling = createSignalling({
      engines: [
        {
          kind: 'embedded',
          id: 'e',
          secret: 's',
          open: () => Promise.reject(new AppError('PORT_IN_USE', 'udp 127.0.0.1:5060')),
        },
      ],
      logger: silentLogger,
    });
    await t.rejects(signalling.start(new RoomLog()), { code: 'PORT_IN_USE' });
  });

  t.end();
});

t.test('deadlines', (t) => {
  t.test('no reply in time, where the engine passes 100 on', async (t) => {
    const bed = await bench({ passesTrying: true });
    const { log } = bed.dial({ firstReplyMs: 2000 });
    const invite = await bed.server.take('INVITE');
    await settle();
    bed.clock.advance(2000);
    t.same(await log.outcomes.take('the outcome'), { kind: 'unreachable', why: 'no-reply' });
    await bed.server.take('CANCEL');
    bed.respond(invite, 408, { internal: true });
    await settle();
    t.equal(log.outcomes.size, 0);
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('a 100 is a reply; until an engine passed one on, silence proves nothing', async (t) => {
    const bed = await bench();
    const first = bed.dial({ firstReplyMs: 2000, answerMs: 9000 });
    const invite = await bed.server.take('INVITE');
    await settle();
    bed.clock.advance(5000);
    bed.respond(invite, 100);
    await settle();
    const second = bed.dial({ firstReplyMs: 2000 });
    await bed.server.take('INVITE');
    await settle();
    bed.clock.advance(2000);
    t.same(await second.log.outcomes.take('the second'), { kind: 'unreachable', why: 'no-reply' });
    t.equal(first.log.outcomes.size, 0);
    bed.clock.advance(2000);
    t.same(await first.log.outcomes.take('the first'), { kind: 'no-answer' });
    await settle();
    bed.clock.advance(70_000);
    await settle();
    t.equal(bed.counts(), NOTHING, 'even when no final answer ever comes');
    await bed.stop();
  });

  t.test('a call that rings for long is told so every minute', async (t) => {
    const bed = await bench();
    bed.server.invite('long', { body: OFFER });
    const { call } = await bed.log.calls.take('the call');
    await call.progress({ status: 180, headers: [['X-Ring', '1']] });
    await bed.server.take('180');
    bed.clock.advance(60_000);
    t.match((await bed.server.take('180')).raw, /X-Ring: 1/);
    bed.clock.advance(60_000);
    await bed.server.take('180');
    call.reject({ status: 480 });
    await bed.server.take('480');
    bed.clock.advance(60_000);
    await settle();
    t.equal(bed.server.commands.length, 0);
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('requests nobody answers get 500 after ten seconds', async (t) => {
    const bed = await bench();
    bed.server.push(bed.server.network('r', '', request('MESSAGE', { callId: 'm', body: 'hi' })));
    const message = await bed.log.requests.take('the MESSAGE');
    bed.clock.advance(10_000);
    await bed.server.take('500');
    message.respond({ status: 200 });
    await settle();
    t.equal(bed.server.commands.length, 0);
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('a change nobody decides gets 500', async (t) => {
    const bed = await bench();
    const { dialogId, log, dialog } = await answered(bed, 'idle');
    bed.server.push(
      bed.server.network(
        'u',
        dialogId,
        request('UPDATE', { callId: 'idle', body: sdp(3), cseq: 2, toTag: 'local' }),
      ),
    );
    const change = await log.changes.take('the change');
    bed.clock.advance(10_000);
    await bed.server.take('500');
    t.equal(await change.accept(sdp(4)), undefined);
    t.equal(dialog.state, 'confirmed');
    await bed.stop();
    t.equal(bed.counts(), NOTHING);
  });

  t.test('a reliable provisional without PRACK ends the call with 504', async (t) => {
    const bed = await bench();
    bed.server.invite('prack', { body: OFFER, headers: 'Require: 100rel\r\n' });
    const log = await bed.log.calls.take('the call');
    const progress = log.call.progress({ status: 183, sdp: ANSWER });
    await bed.server.take('183');
    await settle();
    bed.clock.advance(33_000);
    t.same(await progress, { kind: 'gone' });
    await bed.server.take('504');
    t.match(await log.cancels.take('the end'), { kind: 'cancelled' });
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('an offer in a 200 that nobody answers: ACK, BYE', async (t) => {
    const bed = await bench();
    const log = new AttemptLog();
    bed.signalling.dial(
      {
        target: 'sip:them@192.0.2.7',
        from: { uri: 'sip:us@127.0.0.1' },
        to: { uri: 'sip:them@192.0.2.7' },
        headers: [],
        maxForwards: 70,
        rel100: 'off',
        firstReplyMs: 1000,
        answerMs: 1000,
      },
      log,
    );
    const invite = await bed.server.take('INVITE');
    await settle();
    bed.respond(invite, 200, { body: OFFER });
    t.match(await log.outcomes.take('the answer'), { kind: 'answered', sdp: OFFER });
    bed.clock.advance(20_000);
    await bed.server.take('ACK');
    await bed.server.take('BYE');
    t.match(await log.dialog.ends.take('the end'), { kind: 'peer-gone' });
    await bed.stop();
    t.equal(bed.counts(), NOTHING);
  });

  t.test('a BYE that is never answered is let go', async (t) => {
    const bed = await bench();
    const { dialog } = await answered(bed, 'deaf');
    const bye = dialog.bye();
    await bed.server.take('BYE');
    await settle();
    bed.clock.advance(34_000);
    await bye;
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('stop ends what is left and closes', async (t) => {
    const bed = await bench();
    const { log } = await answered(bed, 'left');
    bed.server.invite('ringing', { body: OFFER });
    const ringing = await bed.log.calls.take('the call');
    await bed.signalling.drain();
    bed.server.push(bed.server.network('late', '', request('INVITE', { callId: 'late', body: OFFER })));
    t.match((await bed.server.take('503')).raw, /Retry-After: 30/i);
    await bed.stop();
    await bed.server.take('BYE');
    await bed.server.take('503');
    t.match(await log.ends.take('the end'), { kind: 'drained' });
    t.match(await ringing.cancels.take('ringing'), { kind: 'drained' });
    t.equal(bed.counts(), NOTHING);
  });

  t.end();
});

t.test('session timers', (t) => {
  const TIMER = 'Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n';

  t.test('we refresh a little before half time: by UPDATE where it is allowed', async (t) => {
    const bed = await bench();
    const { log } = await dialed(
      bed,
      { timer: { expiresS: 1800, minS: 90 } },
      'Allow: UPDATE\r\nSession-Expires: 1800;refresher=uac\r\n',
    );
    bed.clock.advance(891_000);
    await settle();
    t.equal(bed.server.commands.length, 0);
    bed.clock.advance(1000);
    const update = await bed.server.take('UPDATE');
    t.match(update.raw, /Session-Expires: 1800;refresher=uac/);
    await settle();
    bed.respond(update, 200, { headers: 'Session-Expires: 600;refresher=uac\r\n' });
    await settle();
    bed.clock.advance(292_000);
    const next = await bed.server.take('UPDATE');
    await settle();
    // A failure in passing is tried again; in the end the session expires.
    bed.respond(next, 500);
    await settle();
    for (let i = 0; i < 300 && log.ends.size === 0; i++) {
      bed.clock.advance(2000);
      await settle(4);
      const more = bed.server.commands.filter((command) => command.what === 'UPDATE').at(-1);
      bed.server.commands.length = 0;
      if (more !== undefined) bed.respond(more, 500);
    }
    t.match(await log.ends.take('the end'), { kind: 'session-expired' });
    await bed.stop();
    t.equal(bed.counts(), NOTHING);
  });

  t.test(
    'we refresh by re-INVITE with the last description where UPDATE does not restart the timer of the engine',
    async (t) => {
      const bed = await bench({ updateRefreshes: false });
      await answered(bed, 'refresh', { headers: TIMER });
      bed.clock.advance(892_000);
      const invite = await bed.server.take('INVITE');
      t.ok(invite.raw.endsWith(ANSWER));
      t.match(invite.raw, /Session-Expires: 1800;refresher=uac/);
      await settle();
      bed.respond(invite, 491);
      await settle();
      bed.clock.advance(2000);
      const again = await bed.server.take('INVITE');
      await settle();
      bed.respond(again, 200, { body: OFFER, headers: 'Session-Expires: 1800;refresher=uac\r\n' });
      await bed.server.take('ACK');
      bed.clock.advance(892_000);
      const third = await bed.server.take('INVITE');
      await settle();
      bed.respond(third, 422, { headers: 'Min-SE: 3600\r\n' });
      await settle();
      t.match((await bed.server.take('INVITE')).raw, /Session-Expires: 3600;refresher=uac\r\nMin-SE: 3600/);
      await bed.stop();
      t.equal(bed.counts(), NOTHING);
    },
  );

  t.test('they do not refresh: BYE before the session expires', async (t) => {
    const bed = await bench();
    const { log, dialogId, ok } = await answered(bed, 'asleep', {
      headers: 'Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n',
    });
    t.match(ok.raw, /Session-Expires: 300;refresher=uac/);
    t.match(ok.raw, /Require: timer/);
    bed.clock.advance(200_000);
    bed.server.push(
      bed.server.network(
        'u',
        dialogId,
        request('UPDATE', {
          callId: 'asleep',
          cseq: 2,
          toTag: 'local',
          headers: 'Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n',
        }),
      ),
    );
    t.match((await bed.server.take('200')).raw, /Session-Expires: 300;refresher=uac/);
    bed.clock.advance(266_000);
    await settle();
    t.equal(log.ends.size, 0);
    bed.clock.advance(1000);
    t.match(await log.ends.take('the end'), { kind: 'session-expired' });
    await bed.server.take('BYE');
    await bed.stop();
    t.equal(bed.counts(), NOTHING);
  });

  t.test(
    'a caller that knows no timers is refreshed by us, one that asks for none is left alone unless we want it',
    async (t) => {
      const bed = await bench();
      const { ok } = await answered(bed, 'none');
      t.notMatch(ok.raw, /Session-Expires/);
      const wanted = await answered(bed, 'wanted', {}, { expiresS: 600, minS: 90 });
      t.match(wanted.ok.raw, /Session-Expires: 600;refresher=uas/);
      t.notMatch(wanted.ok.raw, /Require: timer/);
      bed.clock.advance(292_000);
      // No Allow in the INVITE: UPDATE is not known to work.
      await bed.server.take('INVITE');
      await bed.stop();
      t.equal(bed.counts(), NOTHING);
    },
  );

  t.end();
});

t.test('messages an engine should not have passed on', (t) => {
  t.test('are answered or dropped, and nothing breaks', async (t) => {
    const bed = await bench();
    const bad = 'INVITE sip:x SIP/2.0\r\nVia: nonsense\r\nCall-ID: bad\r\nCSeq: 1 INVITE\r\n\r\n';
    bed.server.push(bed.server.network('b1', '', bad));
    await bed.server.take('400');
    bed.server.push(
      bed.server.network(
        'b2',
        '',
        `OPTIONS sip:x SIP/2.0\r\nFrom: <sip:a@b>${' '.repeat(60_000)};tag=1\r\n\r\n`,
      ),
    );
    t.match((await bed.server.take('sip')).what, /4\d\d|513/);
    bed.server.push(
      bed.server.network('b3', 'nobody;from-tag=1', request('INFO', { callId: 'nobody', toTag: 'x' })),
    );
    await bed.server.take('481');
    bed.server.push(
      bed.server.network('b4', 'nobody;from-tag=1', request('ACK', { callId: 'nobody', toTag: 'x' })),
    );
    bed.server.push(bed.server.serverBye('nobody;from-tag=1', 'ACK timeout'));
    const { log } = bed.dial();
    const invite = await bed.server.take('INVITE');
    await settle();
    const callId = /^Call-ID: ([^\r\n]*)/im.exec(invite.raw)![1]!;
    const tag = /^From:.*;tag=([^\r\n]*)/im.exec(invite.raw)![1]!;
    bed.server.push(
      bed.server.network(
        bed.server.txnOf(invite),
        `${callId};from-tag=${tag}`,
        'SIP/2.0 200 OK\r\nVia: nonsense\r\nno header at all\r\n\r\n',
      ),
    );
    t.match(await log.outcomes.take('the outcome'), { kind: 'refused', response: { status: 502 } });
    await bed.server.take('ACK');
    const bye = await bed.server.take('BYE');
    await settle();
    bed.respond(bye, 200);
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('a listener that throws is a 500, not a crash', async (t) => {
    const bed = await bench();
    bed.log.onInvite = () => {
      throw new Error('thrown on purpose');
    };
    bed.server.invite('throws', { body: OFFER });
    await bed.server.take('500');
    bed.log.onInvite = undefined;
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.test('an engine without a gate is screened here', async (t) => {
    const bed = await bench();
    bed.signalling.screen({
      trusted: ['198.51.100.0/24'],
      denied: ['203.0.113.0/24'],
      banned: [{ address: '192.0.2.66', until: bed.clock.now() + 1000 }],
      unknownRate: { perSourcePerS: 1, burst: 2, totalPerS: 100 },
      observe: false,
    });
    const invite = (n: number, address: string): void =>
      bed.server.push(
        bed.server.network(`s${n}`, '', request('INVITE', { callId: `s${n}`, body: OFFER }), address),
      );
    invite(1, '203.0.113.5');
    await bed.server.take('403');
    invite(2, '192.0.2.66');
    await bed.server.take('403');
    bed.clock.advance(2000);
    for (let n = 3; n < 5; n++) {
      invite(n, '192.0.2.66');
      (await bed.log.calls.take('a call')).call.reject({ status: 480 });
    }
    invite(5, '192.0.2.66');
    await bed.server.take('503');
    for (let n = 6; n < 12; n++) {
      invite(n, '198.51.100.5');
      (await bed.log.calls.take('a call')).call.reject({ status: 480 });
    }
    await settle();
    t.equal(bed.counts(), NOTHING);
    await bed.stop();
  });

  t.end();
});
