import t from 'tap';
import type { Clock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { SipRequest, SipResponse } from '../../src/sip/index.js';
import type { ControlConnection } from '../../src/sip-server/control/connection.js';
import { createCdr } from '../../src/sip-server/dialog/cdr.js';
import type { Core } from '../../src/sip-server/dialog/core.js';
import { Dialog, Leg } from '../../src/sip-server/dialog/dialog.js';
import { agreedTimer, echoSessionExpires, watchSession } from '../../src/sip-server/dialog/session-timer.js';
import { startSweep } from '../../src/sip-server/dialog/sweep.js';
import { destinationOf, isCalleeBehindNat } from '../../src/sip-server/dialog/in-dialog-send.js';
import { DialogTable } from '../../src/sip-server/dialog/table.js';
import { Apps } from '../../src/sip-server/control/apps.js';
import type {
  ClientTransaction,
  ClientUser,
  TransactionLayer,
} from '../../src/sip-server/transaction/types.js';
import type { Flow, Listener } from '../../src/sip-server/transport/flow.js';

/** A clock that stands still until it is told to go on. */
function stillClock(): Clock & { pass(ms: number): void } {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    now: () => now,
    monotonic: () => now,
    after: (delayMs, run) => {
      const timer = { at: now + delayMs, run };
      timers.add(timer);
      return { clear: () => timers.delete(timer) };
    },
    pass: (ms) => {
      const end = now + ms;
      for (;;) {
        const next = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = end;
    },
  };
}

const listener: Listener = {
  name: 'udp',
  transport: 'udp',
  address: '192.0.2.1',
  port: 5060,
  sentBy: '192.0.2.1:5060',
  sentByFor: () => '192.0.2.1:5060',
  url: 'udp/192.0.2.1:5060',
};
const flow: Flow = { transport: 'udp', listener, remoteAddress: '192.0.2.9', remotePort: 5060 };

interface Sent {
  readonly request: SipRequest;
  readonly user: ClientUser;
}

function stage(role: 'uac' | 'uas' = 'uac', sessionTimers: 'server' | 'application' = 'server') {
  const clock = stillClock();
  const sent: Sent[] = [];
  const acks: SipRequest[] = [];
  const layer = {
    listeners: [listener],
    send: (request: SipRequest, _to: unknown, user: ClientUser) => {
      sent.push({ request, user });
      return { request, cancel: () => undefined, terminate: () => undefined } as unknown as ClientTransaction;
    },
    sendDirect: (request: SipRequest) => acks.push(request),
  } as unknown as TransactionLayer;
  const frames: string[] = [];
  const app = {
    open: true,
    tags: [],
    sendRequest: (frame: string) => frames.push(frame),
    send: (frame: string) => frames.push(frame),
  };
  const apps = new Apps();
  const core: Core = {
    layer,
    guard: (run) => run(),
    apps,
    dialogs: new DialogTable(),
    pending: new Map(),
    calls: new Map(),
    cdr: createCdr(apps, false, () => 0),
    clock,
    logger: silentLogger,
    settings: {
      sessionTimers,
      passTrying: false,
      bodies: undefined,
      maxDialogs: 10,
      appGraceMs: 1000,
      t1Ms: 500,
      timeoutMs: 32_000,
      userAgent: undefined,
    },
  };
  const owner = app as unknown as ControlConnection;
  const dialog = new Dialog(
    'call;from-tag=a',
    role,
    'INVITE',
    'call',
    'a',
    '<sip:a@b>;tag=a',
    listener,
    owner,
  );
  dialog.localContact = '<sip:192.0.2.1:5060>';
  const leg = new Leg('b', '<sip:c@d>;tag=b', 'sip:c@192.0.2.9', [], 1);
  leg.state = 'confirmed';
  dialog.legs.push(leg);
  dialog.confirmed = leg;
  core.dialogs.add(dialog);
  const answer = (status: number, headers: readonly (readonly [string, string])[] = []): void => {
    const { request, user } = sent.at(-1)!;
    const response = SipResponse.reply(request, status);
    for (const [name, value] of headers) response.headers.add(name, value);
    user.response(response, flow);
  };
  return { clock, sent, acks, frames, core, dialog, leg, answer };
}

t.test('with us as refresher the session is refreshed at half time, again and again', (t) => {
  const { clock, sent, acks, frames, core, dialog, leg, answer } = stage();
  watchSession(core, dialog, leg, { seconds: 1800, refresher: 'us' }, 'v=0 ours');
  clock.pass(899_000);
  t.equal(sent.length, 0);
  clock.pass(2000);
  const { request } = sent[0]!;
  t.same([request.method, request.body, request.cseq.seq], ['INVITE', 'v=0 ours', 2]);
  t.equal(request.headers.get('Session-Expires'), '1800;refresher=uac');
  answer(100);
  answer(200, [
    ['Session-Expires', '600;refresher=uac'],
    ['Contact', '<sip:moved@192.0.2.9>'],
  ]);
  t.same([acks.length, acks[0]?.cseq.seq], [1, 2], 'acknowledged by the server');
  answer(200);
  t.equal(acks.length, 2, 'a repeated 200 again');
  t.equal(leg.remoteTarget, 'sip:moved@192.0.2.9');
  clock.pass(301_000);
  t.equal(sent.length, 2, 'the new interval counts');
  t.equal(sent[1]?.request.body, 'v=0 ours');
  answer(491);
  clock.pass(5000);
  t.equal(sent.length, 3, 'tried again after a glare');
  answer(422, [['Min-SE', '900']]);
  t.equal(sent.length, 4);
  t.equal(
    sent[3]?.request.headers.get('Session-Expires'),
    '900;refresher=uac',
    'with at least what they ask for',
  );
  answer(200);
  clock.pass(3_600_000);
  t.equal(sent.length, 4, 'no Session-Expires in the answer: no timer any more');
  t.equal(frames.length, 0, 'the application has seen nothing');
  t.end();
});

t.test('a refresh waits for what the application has under way, and a dead peer ends in BYE', (t) => {
  const { clock, sent, frames, core, dialog, leg, answer } = stage();
  watchSession(core, dialog, leg, { seconds: 1800, refresher: 'us' }, 'v=0');
  leg.inviteIn = {} as never;
  clock.pass(905_000);
  t.equal(sent.length, 0);
  leg.inviteIn = undefined;
  clock.pass(3000);
  t.equal(sent.length, 1);
  answer(500);
  clock.pass(31_000);
  t.equal(sent.length, 2, 'tried again');
  answer(481);
  t.equal(sent.at(-1)?.request.method, 'BYE');
  t.match(
    frames[0],
    /\|sip\|application\|.*\|unsolicited\|call;from-tag=a\|\r\nBYE [^]*text="Session timer expired"/,
  );
  t.equal(core.dialogs.size, 0);

  const other = stage();
  watchSession(other.core, other.dialog, other.leg, { seconds: 1800, refresher: 'us' }, '');
  other.clock.pass(901_000);
  t.equal(other.sent[0]?.request.method, 'UPDATE', 'without a description of ours: by UPDATE');
  other.sent[0]?.user.failed('timeout');
  t.equal(other.sent.at(-1)?.request.method, 'BYE');
  t.end();
});

t.test('with them as refresher, silence ends the session a little early', (t) => {
  const { clock, sent, core, dialog, leg } = stage('uas');
  watchSession(core, dialog, leg, { seconds: 90, refresher: 'them' }, 'v=0');
  clock.pass(59_000);
  watchSession(core, dialog, leg, { seconds: 90, refresher: 'them' }, '');
  t.equal(dialog.sessionTimer?.localSdp, 'v=0');
  clock.pass(59_000);
  t.equal(sent.length, 0);
  clock.pass(2000);
  t.equal(sent[0]?.request.method, 'BYE');
  clock.pass(1_000_000);
  t.equal(sent.length, 1);
  t.end();
});

t.test('what is agreed on, and what the server adds to a 200', (t) => {
  const { core } = stage();
  const request = new SipRequest('INVITE', 'sip:a@b');
  const ok = new SipResponse(200);
  t.equal(echoSessionExpires(core, request, ok), undefined);
  request.headers.add('Session-Expires', '600');
  t.same(
    echoSessionExpires(core, request, ok),
    { seconds: 600, refresher: 'us' },
    'a caller without timers cannot refresh',
  );
  t.equal(ok.headers.get('Session-Expires'), '600;refresher=uas');
  request.headers.add('Supported', 'timer');
  const able = new SipResponse(200);
  t.same(echoSessionExpires(core, request, able), { seconds: 600, refresher: 'them' });
  t.equal(able.headers.get('Require'), 'timer');
  const own = new SipResponse(200);
  own.headers.add('Session-Expires', '1200;refresher=uas');
  t.same(
    echoSessionExpires(core, request, own),
    { seconds: 1200, refresher: 'us' },
    'the application has the last word',
  );
  t.same(agreedTimer(core, own, 'uac'), { seconds: 1200, refresher: 'them' });
  t.equal(agreedTimer(stage('uac', 'application').core, own, 'uac'), undefined);
  t.end();
});

t.test('a callee behind a NAT is told by a private Contact that came from a public address', (t) => {
  const behind = (contact: string, routes: readonly string[] = [], address = '203.0.113.5'): boolean =>
    isCalleeBehindNat(contact, routes, { ...flow, remoteAddress: address });
  for (const host of ['10.0.0.1', '172.16.0.1', '192.168.1.1:5062', '100.64.0.1', '[fd00::1]']) {
    t.equal(behind(`sip:a@${host}`), true, host);
  }
  t.equal(behind('sip:a@172.32.0.1'), false);
  t.equal(behind('sip:a@phone.example'), false);
  t.equal(behind('sip:a@10.0.0.1', ['<sip:proxy;lr>']), false, 'a proxy knows the way');
  t.equal(behind('sip:a@10.0.0.1', [], '10.0.0.9'), false, 'one network');
  const leg = stage().leg;
  leg.flow = flow;
  leg.behindNat = true;
  t.same(destinationOf(stage().dialog, leg), { flow });
  t.end();
});

t.test('subscriptions run out', (t) => {
  const { clock, core } = stage();
  const dialog = new Dialog('s', 'uas', 'SUBSCRIBE', 'c', 'l', 'p', listener, core.apps as never);
  dialog.expiresAt = 5000;
  core.dialogs.add(dialog);
  const stop = startSweep(core);
  clock.pass(3000);
  t.equal(core.dialogs.size, 2);
  clock.pass(4000);
  t.equal(core.dialogs.size, 1);
  stop();
  clock.pass(100_000);
  t.end();
});
