import { createSocket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import t from 'tap';
import { RFC_4475, RFC_5118 } from '../sip/torture-expectations.js';
import { Caller, Inbox, newSrf, SECRET, startBench, type SrfLike } from './server-helpers.js';

/** The messages are data beside the repository, not part of it. */
const FOLDER = resolve('../shared/torture');
const skip = existsSync(FOLDER) ? {} : { skip: `no torture messages at ${FOLDER}` };

/** What the application says to whatever reaches it. */
const BY_APPLICATION = 603;
const VERBS = ['invite', 'register', 'options', 'message', 'subscribe', 'notify', 'publish', 'refer', 'info'];

type Handler = (req: unknown, res: { send(status: number): void }) => void;

const complaints: unknown[] = [];
const { error } = console;
t.before(() => {
  console.error = (...args: unknown[]) => complaints.push(args);
});
t.teardown(() => {
  console.error = error;
});

// A server for each: several of the messages share their branch, and would count as repeated.
for (const { file, socket: expected, why } of [...RFC_4475, ...RFC_5118]) {
  t.test(`${file}: ${expected} (${why})`, skip, async (t) => {
    const bench = await startBench(t, { forceRport: true });
    const srf = newSrf() as SrfLike & Record<string, (handler: Handler) => void>;
    for (const verb of VERBS) srf[verb]!((_req, res) => res.send(BY_APPLICATION));
    const connected = new Promise((done) => srf.on('connect', done));
    srf.on('error', () => undefined);
    srf.connect({ host: '127.0.0.1', port: bench.controlPort, secret: SECRET });
    t.teardown(() => srf.disconnect());
    await connected;
    const probe = await bench.peer();
    const first = new Caller(probe);
    first.request('OPTIONS');
    // It has asked for its verbs, the last of them too, before it answers.
    await first.response(BY_APPLICATION, 'OPTIONS');

    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    // The refusal of a malformed request repeats what was malformed in it, so only its status is read.
    const heard = new Inbox<number>();
    socket.on('message', (data) => {
      const status = Number(/^SIP\/2\.0 ([2-6]\d\d) /.exec(data.toString('latin1'))?.[1] ?? 0);
      if (status > 0) heard.push(status);
    });
    await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
    socket.send(readFileSync(resolve(FOLDER, file)), bench.sipPort, '127.0.0.1');
    if (expected === 'silence') {
      // Whatever it would have provoked comes before the answer to a request sent after it.
      const after = new Caller(probe);
      after.request('OPTIONS');
      await after.response(BY_APPLICATION, 'OPTIONS');
      t.same(heard.all, []);
    } else {
      const status = await heard.next(`an answer to ${file}`, undefined, 2000).catch(() => 0);
      t.equal(status, expected === 'application' ? BY_APPLICATION : expected);
    }
    t.equal(bench.server.stats.applications, 1, 'drachtio-srf has kept its connection');
    t.same(complaints.splice(0), [], 'and not complained');
  });
}
