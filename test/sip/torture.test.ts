import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import t from 'tap';
import {
  SipResponse,
  createStreamFramer,
  mediaAddresses,
  parseMessage,
  parseNameAddr,
  serializeForControl,
  unescapeUri,
  parseUri,
  type SipMessage,
  type SipRequest,
} from '../../src/sip/index.js';
import { RFC_4475, RFC_5118 } from './torture-expectations.js';

/** The messages are data beside the repository, not part of it. */
const FOLDER = resolve('../shared/torture');
const present = existsSync(FOLDER);
const skip = present ? {} : { skip: `no torture messages at ${FOLDER}` };

interface SrfMessage {
  readonly headers: Record<string, string>;
  getParsedHeader(name: string): unknown;
  has(name: string): boolean;
}
const SrfSipMessage = createRequire(import.meta.url)('drachtio-srf/lib/sip-parser/message.js') as new (
  raw: string,
) => SrfMessage;

function load(file: string): Buffer {
  return readFileSync(resolve(FOLDER, file));
}

function accepted(file: string): SipMessage {
  const outcome = parseMessage(load(file));
  if (outcome.kind !== 'message') throw new Error(`${file}: ${outcome.kind}`);
  return outcome.message;
}

function request(name: string): SipRequest {
  const message = accepted(name);
  if (message.kind !== 'request') throw new Error(`${name} is no request`);
  return message;
}

t.test('every torture message has an expectation', skip, (t) => {
  const files = ['rfc4475', 'rfc5118'].flatMap((folder) =>
    readdirSync(resolve(FOLDER, folder)).map((file) => `${folder}/${file}`),
  );
  t.same([...RFC_4475, ...RFC_5118].map((entry) => entry.file).sort(), files.sort());
  t.equal(RFC_4475.length, 49);
  t.equal(RFC_5118.length, 12);
  t.end();
});

for (const { file, what, status, why } of [...RFC_4475, ...RFC_5118]) {
  t.test(`${file}: ${what}${status === undefined ? '' : ` ${status}`} (${why})`, skip, (t) => {
    const outcome = parseMessage(load(file));
    if (what === 'accept') {
      if (outcome.kind !== 'message') throw new Error(JSON.stringify(outcome));
      const { message } = outcome;
      const again = parseMessage(message.toBuffer());
      if (again.kind !== 'message') throw new Error(JSON.stringify(again));
      t.equal(again.message.startLine, message.startLine);
      t.same(withoutLength(again.message), withoutLength(message));
      t.same(again.message.bodyBytes, message.bodyBytes);
      t.equal(again.message.toBuffer().compare(message.toBuffer()), 0, 'writing is stable');
      const srf = new SrfSipMessage(serializeForControl(message));
      for (const name of ['from', 'to', 'via', 'cseq', 'call-id']) t.ok(srf.getParsedHeader(name), name);
      if (srf.has('contact')) t.ok(srf.getParsedHeader('contact'));
    } else {
      t.equal(outcome.kind, 'malformed');
      if (outcome.kind !== 'malformed') throw new Error(outcome.kind);
      t.equal(outcome.status, status);
      if (what === 'reject') {
        const reply = SipResponse.reply(outcome.partial!, outcome.status!, undefined, 'totag');
        t.match(reply.serialize(), /^SIP\/2\.0 \d{3} [^\r\n]+\r\nVia: [^\r\n]+\r\n/);
        t.doesNotThrow(() => [
          outcome.partial!.from,
          outcome.partial!.to,
          outcome.partial!.cseq,
          outcome.partial!.topVia,
        ]);
      } else {
        t.equal(outcome.partial, undefined);
      }
    }
    t.end();
  });
}

function withoutLength(message: SipMessage): (readonly [string, string])[] {
  return [...message.headers].filter(([name]) => name !== 'Content-Length');
}

t.test('what the well-formed messages say is understood', skip, (t) => {
  const wsinv = request('rfc4475/wsinv.dat');
  t.equal(wsinv.toTag, '1918181833n');
  t.equal(wsinv.from.display, 'J Rosenberg \\"');
  t.equal(wsinv.fromTag, '98asjd8');
  t.equal(wsinv.maxForwards, 68);
  t.same(wsinv.cseq, { seq: 9, method: 'INVITE' });
  t.same(
    wsinv.headers.list('Via').map((via) => via.replace(/ /g, '')),
    [
      'SIP/2.0/UDP192.0.2.2;branch=390skdjuw',
      'SIP/2.0/TCPspindle.example.com;branch=z9hG4bK9ikj8',
      'SIP/2.0/UDP192.168.255.111;branch=z9hG4bK30239',
    ],
  );
  t.equal(wsinv.topVia.branch, '390skdjuw');
  t.equal(wsinv.headers.get('Subject'), '');
  t.equal(wsinv.headers.get('newfangledheader'), 'newfangled value continued newfangled value');
  t.equal(wsinv.headers.get('UnknownHeaderWithUnusualValue'), ';;,,;;,;');
  t.equal(wsinv.contact?.params.get('newparam'), 'newvalue');
  t.equal(wsinv.contact?.params.get('q'), '0.33');

  const intmeth = request('rfc4475/intmeth.dat');
  t.equal(intmeth.method, "!interesting-Method0123456789_*+`.%indeed'~");
  t.equal(intmeth.fromTag, "_token~1'+`*%!-.");
  t.equal(intmeth.from.params.get("fromparam''~+*_!.-%"), 'работающий');
  t.notMatch(intmeth.to.display, /[\x00-\x1f\x7f]/, 'quoted controls do not come through');
  t.equal(parseUri(intmeth.uri)?.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
  t.equal(intmeth.maxForwards, 255);

  const esc01 = request('rfc4475/esc01.dat');
  const contact = esc01.contact!.parsed;
  t.same(
    [...contact.params],
    [
      ['lr', ''],
      ['name', 'v%61lue%25%34%31'],
    ],
  );
  t.equal(unescapeUri(contact.params.get('name')!), 'value%41');
  t.equal(parseUri(esc01.uri)?.user, 'sips%3Auser%40example.com');
  t.equal(unescapeUri(esc01.to.parsed.user!), 'user');

  const esc02 = request('rfc4475/esc02.dat');
  t.equal(esc02.method, 'RE%47IST%45R');
  t.equal(esc02.headers.getAll('Contact').length, 2, 'C%6Fntact is another header');
  t.equal(request('rfc4475/escnull.dat').headers.list('m').length, 2);
  t.equal(request('rfc4475/lwsdisp.dat').from.display, 'caller');
  t.equal(request('rfc4475/longreq.dat').headers.list('Via').length, 34);
  t.equal(parseUri(request('rfc4475/semiuri.dat').uri)?.user, 'user;par=u%40example.net');
  t.equal(request('rfc4475/transports.dat').headers.list('Via').length, 5);
  t.equal(request('rfc4475/mpart01.dat').bodyBytes.length, 553);
  t.equal(request('rfc4475/dblreq.dat').body, '');
  t.equal(request('rfc4475/scalar02.dat'.replace('scalar02', 'inv2543')).topVia.branch, undefined);
  t.equal(request('rfc4475/cparam01.dat').contact?.params.has('unknownparam'), true);
  t.equal(request('rfc4475/cparam02.dat').contact?.parsed.params.has('unknownparam'), true);
  t.same(
    [...request('rfc4475/regescrt.dat').contact!.parsed.headers!],
    [['Route', '%3Csip:sip.example.com%3E']],
  );
  t.equal(parseUri(request('rfc4475/novelsc.dat').uri)?.scheme, 'soap.beep');
  t.equal(request('rfc4475/unksm2.dat').to.parsed.opaque, '2983792873');
  t.same(request('rfc4475/bext01.dat').headers.list('Require'), [
    'nothingSupportsThis',
    'nothingSupportsThisEither',
  ]);
  t.equal(request('rfc4475/zeromf.dat').maxForwards, 0);

  const unreason = accepted('rfc4475/unreason.dat');
  t.match(unreason.kind === 'response' ? unreason.reason : '', /^= 2\*\*3 \* 5\*\*2 но сто/);
  const noreason = accepted('rfc4475/noreason.dat');
  t.equal(noreason.startLine, 'SIP/2.0 100 ');

  t.equal(parseUri(request('rfc5118/port-unambiguous').uri)?.port, 5070);
  t.equal(parseUri(request('rfc5118/port-ambiguous').uri)?.port, undefined);
  t.equal(request('rfc5118/via-received-param-with-delim').topVia.received, '[2001:db8::9:255]');
  t.equal(request('rfc5118/via-received-param-no-delim').topVia.received, '2001:db8::9:255');
  t.equal(request('rfc5118/ipv6-bug-abnf-3-colons').to.parsed.host, '[2001:db8::192.0.2.1]');
  t.same(mediaAddresses(request('rfc5118/mult-ip-in-sdp').body), [
    { media: 'audio', address: '192.0.2.1', port: 22334 },
    { media: 'video', address: '2001:db8::1', port: 6024 },
  ]);
  t.equal(
    parseNameAddr(request('rfc5118/ipv4-mapped-ipv6').headers.get('Contact')!)?.display,
    'T. desk phone',
  );
  t.end();
});

t.test('a request that was refused is still answered with what was readable', skip, (t) => {
  const outcome = parseMessage(load('rfc4475/insuf.dat'));
  if (outcome.kind !== 'malformed') throw new Error('accepted');
  t.equal(
    SipResponse.reply(outcome.partial!, 400, undefined, 'x').serialize(),
    'SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\nCSeq: 193942 INVITE\r\nContent-Length: 0\r\n\r\n',
  );
  const badVia = parseMessage(load('rfc4475/badinv01.dat'));
  if (badVia.kind !== 'malformed') throw new Error('accepted');
  t.equal(badVia.partial?.topVia.host, '192.0.2.15', 'even a Via with broken parameters shows the way back');
  t.end();
});

t.test('on a stream the second request of dblreq is a message of its own', skip, (t) => {
  // The last octets are beyond the second body: Content-Length is what counts.
  const frames = createStreamFramer().push(load('rfc4475/dblreq.dat')).slice(0, 2);
  const messages = frames
    .filter((frame) => Buffer.isBuffer(frame))
    .map((frame) => parseMessage(frame, undefined, 'stream'));
  t.same(
    messages.map((outcome) => (outcome.kind === 'message' ? outcome.message.startLine : outcome.kind)),
    ['REGISTER sip:example.com SIP/2.0', 'INVITE sip:joe@example.com SIP/2.0'],
  );
  t.end();
});
