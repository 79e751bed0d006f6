import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { isIPv4, isIPv6 } from 'node:net';
import t from 'tap';
import { createCidrSet, parseCidr } from '../../src/base/cidr.js';

t.test('an address is found in the narrowest block that holds it', (t) => {
  const set = createCidrSet([
    '10.0.0.0/8',
    '10.1.0.0/16',
    '10.1.2.3',
    '192.0.2.77/24',
    '2001:db8::/32',
    '2001:db8:1::/48',
    '::1',
    '255.255.255.255',
  ]);
  t.equal(set.size, 8);
  t.equal(set.match('10.9.9.9'), '10.0.0.0/8');
  t.equal(set.match('10.1.9.9'), '10.1.0.0/16');
  t.equal(set.match('10.1.2.3'), '10.1.2.3');
  t.equal(set.match('10.1.2.4'), '10.1.0.0/16');
  t.equal(set.match('10.2.0.0'), '10.0.0.0/8');
  t.equal(set.match('11.0.0.0'), undefined);
  t.equal(set.match('9.255.255.255'), undefined);
  t.equal(set.match('192.0.2.1'), '192.0.2.77/24', 'bits beyond the prefix do not matter');
  t.equal(set.match('::ffff:10.1.2.3'), '10.1.2.3', 'IPv4 mapped into IPv6 is IPv4');
  t.equal(set.match('2001:db8:1::5'), '2001:db8:1::/48');
  t.equal(set.match('2001:db8:2::5%eth0'), '2001:db8::/32', 'a zone is ignored');
  t.equal(set.match('2001:db9::'), undefined);
  t.equal(set.match('::1'), '::1');
  t.equal(set.match('::2'), undefined);
  t.equal(set.match('255.255.255.255'), '255.255.255.255');
  t.equal(set.match('255.255.255.254'), undefined);
  t.notOk(set.has('example.com'));
  t.notOk(set.has(''));
  t.ok(createCidrSet(['0.0.0.0/0']).has('203.0.113.9'));
  t.notOk(createCidrSet(['0.0.0.0/0']).has('2001:db8::1'));
  t.ok(createCidrSet(['::/0']).has('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'));
  t.notOk(createCidrSet([]).has('::1'));
  t.end();
});

t.test('a bad entry is named with what would be right', (t) => {
  t.throws(() => createCidrSet(['10.0.0.0/8', '10.0.0/8']), {
    code: 'SETTINGS_INVALID',
    message: /"10\.0\.0\/8" is no IPv4 or IPv6/,
  });
  t.throws(() => createCidrSet(['10.0.0.0/33']), { message: /must be 0 to 32/ });
  t.throws(() => createCidrSet(['::/129']), { message: /must be 0 to 128/ });
  for (const bad of [
    '',
    '/',
    '1.2.3.4/',
    '1.2.3.4/a',
    '1.2.3.04',
    '1.2.3.256',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::1.2.3',
    '1:2:3:4:5:6:7:1.2.3.4',
    'g::',
    '1:',
    ':1',
  ]) {
    t.match(parseCidr(bad), { error: String }, bad);
  }
  t.match(parseCidr('10.0.0.1/8'), { family: 4, bits: 8, hostBits: true, words: [0x0a000000] });
  t.match(parseCidr('10.0.0.0/8'), { hostBits: false });
  t.end();
});

t.test('look-ups agree with ipaddr.js, and reading agrees with node:net', (t) => {
  const v4 = fc.ipV4();
  // ipaddr.js reads the deprecated ::1.2.3.4 as ::ffff:1.2.3.4.
  const v6 = fc.ipV6().filter((address) => !/^::\d+\.\d+\./.test(address));
  // Blocks near each other, so that they nest and touch.
  const near4 = fc.tuple(fc.nat(7), fc.nat(255)).map(([a, b]) => `10.0.${a}.${b}`);
  const near6 = fc
    .tuple(fc.nat(7), fc.nat(0xffff))
    .map(([a, b]) => `2001:db8::${a.toString(16)}:${b.toString(16)}`);
  const block = fc.oneof(
    fc.tuple(fc.oneof(v4, near4), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.oneof(v6, near6), fc.integer({ min: 0, max: 128 })),
  );
  fc.assert(
    fc.property(
      fc.array(block, { maxLength: 30 }),
      fc.array(fc.oneof(v4, v6, near4, near6), { maxLength: 30 }),
      (blocks, addresses) => {
        const set = createCidrSet(blocks.map(([address, bits]) => `${address}/${bits}`));
        for (const address of [...addresses, ...blocks.map(([start]) => start)]) {
          const parsed = ipaddr.process(address);
          const lengths = blocks
            .filter(([start, bits]) => {
              const base = ipaddr.parse(start);
              return base.kind() === parsed.kind() && parsed.match(base, bits);
            })
            .map(([, bits]) => bits);
          const found = set.match(address);
          const expected = lengths.length === 0 ? undefined : Math.max(...lengths);
          if ((found === undefined ? undefined : Number(found.split('/')[1])) !== expected) return false;
        }
        return true;
      },
    ),
  );
  const text = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdf:.:.')), maxLength: 24 });
  fc.assert(
    fc.property(fc.oneof(text, v4, v6), (address) => {
      const cidr = parseCidr(address);
      const family = isIPv4(address) ? 4 : isIPv6(address) ? 6 : undefined;
      return 'error' in cidr ? family === undefined : cidr.family === family;
    }),
    { numRuns: 2000 },
  );
  t.end();
});

t.test('a hundred thousand blocks stay fast', (t) => {
  const entries = Array.from(
    { length: 100_000 },
    (_, i) => `${11 + (i >>> 16)}.${(i >>> 8) & 255}.${i & 255}.0/25`,
  );
  const set = createCidrSet(entries);
  const addresses = Array.from({ length: 1000 }, (_, i) => `11.${i % 256}.${(i * 7) % 256}.${i % 200}`);
  let hits = 0;
  const started = process.hrtime.bigint();
  for (let round = 0; round < 100; round++) for (const address of addresses) if (set.has(address)) hits++;
  const ns = Number(process.hrtime.bigint() - started) / 100_000;
  t.ok(hits > 0);
  t.comment(`${ns.toFixed(0)} ns a look-up`);
  t.ok(ns < 20_000, 'far from linear, however busy the machine is');
  t.end();
});
