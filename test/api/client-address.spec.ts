import type { FastifyRequest } from 'fastify';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientAddresses, networkOf } from '../../src/http/client-address.js';

const addresses = new ClientAddresses({ TRUST_PROXY: ['10.0.0.0/8', '192.0.2.1', 'fd00::/8'] });
const from = (peer: string | undefined, forwarded?: string, of = addresses) =>
  of.of({ headers: { 'x-forwarded-for': forwarded }, raw: { socket: { remoteAddress: peer } } } as unknown as FastifyRequest);

describe('X-Forwarded-For', () => {
  it('counts for nothing from whoever is not trusted, and where nobody is', () => {
    expect(from('203.0.113.9', '1.1.1.1')).toBe('203.0.113.9');
    expect(from('::ffff:203.0.113.9', '10.0.0.1')).toBe('203.0.113.9');
    expect(from('10.0.0.1', '1.1.1.1', new ClientAddresses({ TRUST_PROXY: [] }))).toBe('10.0.0.1');
    expect(from(undefined, '1.1.1.1')).toBe('');
  });

  it.each([
    ['1.1.1.1', '1.1.1.1'],
    ['  1.1.1.1\t', '1.1.1.1'],
    ['9.9.9.9, 1.1.1.1', '1.1.1.1'],
    ['9.9.9.9, 1.1.1.1, 10.2.3.4', '1.1.1.1'],
    ['9.9.9.9,1.1.1.1,192.0.2.1,fd00::7', '1.1.1.1'],
    ['10.9.9.9, 10.2.3.4', '10.9.9.9'],
    ['1.1.1.1:5678', '1.1.1.1'],
    ['::FFFF:1.1.1.1', '1.1.1.1'],
    ['::ffff:101:101', '1.1.1.1'],
    ['2001:DB8:0:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
  ])('from a trusted proxy, %s means %s', (forwarded, client) => expect(from('10.0.0.1', forwarded)).toBe(client));

  it.each([
    ['', '10.0.0.1'],
    [' , ,', '10.0.0.1'],
    ['unknown', '10.0.0.1'],
    ['_hidden, 10.7.7.7', '10.7.7.7'],
    ['1.1.1.1, 999.1.1.1', '10.0.0.1'],
    ['1.1.1.1, 0x7f.1', '10.0.0.1'],
    ['1.1.1.1, localhost', '10.0.0.1'],
    ['1.1.1.1, ::1::', '10.0.0.1'],
    ['1.1.1.1, [10.0.0.1', '10.0.0.1'],
    ['1.1.1.1, fe80::1%eth0', '10.0.0.1'],
    [`1.1.1.1, ${'1'.repeat(65)}`, '10.0.0.1'],
    [`1.1.1.1, ${':'.repeat(60)}`, '10.0.0.1'],
  ])('from a trusted proxy, where %s is said, it is whoever said it', (forwarded, client) =>
    expect(from('10.0.0.1', forwarded)).toBe(client),
  );

  it('is not walked for ever', () => {
    const began = performance.now();
    expect(from('10.0.0.1', `1.1.1.1,${'10.0.0.1,'.repeat(100_000)}10.0.0.1`)).toBe('10.0.0.1');
    expect(from('10.0.0.1', `1.1.1.1,${' '.repeat(50_000)}2.2.2.2${' '.repeat(50_000)}`)).toBe('10.0.0.1');
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('whatever it says, an address comes out, and nothing left of a stranger counts', () => {
    const part = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.constantFrom('', ' ', '10.0.0.1', 'fd00::1'));
    fc.assert(
      fc.property(fc.array(part), fc.ipV4(), (left, stranger) => {
        fc.pre(!stranger.startsWith('10.') && stranger !== '192.0.2.1');
        expect(from('10.0.0.1', left.join(','))).toMatch(/^[\d.]+$|^[\da-f:.]+$/);
        expect(from('10.0.0.1', [...left.map((one) => one.replaceAll(',', '')), stranger, '10.1.1.1'].join(', '))).toBe(stranger);
      }),
    );
  });
});

describe('what counts as one client', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['2001:db8::2:3:4:5:6', '2001:db8:0:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['64:ff9b::102:304', '64:ff9b:0:0::/64'],
    ['', ''],
  ])('%s belongs to %s', (address, network) => expect(networkOf(address)).toBe(network));
});
