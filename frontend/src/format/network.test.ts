import { describe, expect, test } from 'vitest';
import { addressIn, readNetwork, size } from './network';

const read = (text: string) => {
  const reading = readNetwork(text);
  return 'network' in reading ? reading.network.text : `no: ${reading.problem}`;
};

describe('an address or a network', () => {
  test.each([
    ['198.51.100.7', '198.51.100.7'],
    [' 198.51.100.7 ', '198.51.100.7'],
    ['198.51.100.0/24', '198.51.100.0/24'],
    ['198.51.100.7/32', '198.51.100.7'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::/64', '2001:db8::/64'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['::ffff:198.51.100.0/120', '198.51.100.0/24'],
    ['64:ff9b::198.51.100.7', '64:ff9b::c633:6407'],
  ])('%s is read as %s', (text, canonical) => {
    expect(read(text)).toBe(canonical);
  });

  test.each([
    '',
    'bank',
    '198.51.100',
    '198.51.100.256',
    '198.51.100.07',
    '198.51.100.7/33',
    '198.51.100.7/',
    '198.51.100.7/024',
    '198.51.100.7/24/8',
    '1:2:3:4:5:6:7',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'fe80::1%eth0',
    '::/129',
    '1.2.3.4:80',
  ])('%s is refused', (text) => {
    expect(read(text)).toMatch(/^no: /);
  });

  test('says which two are meant when bits stand beyond the length', () => {
    expect(readNetwork('198.51.100.7/24')).toEqual({
      problem: '198.51.100.0/24 is the network, 198.51.100.7 the address.',
      instead: ['198.51.100.0/24', '198.51.100.7'],
    });
  });

  test('says how many addresses it covers, and which', () => {
    const sized = (text: string) => {
      const reading = readNetwork(text);
      if (!('network' in reading)) throw new Error(reading.problem);
      return [size(reading.network), reading.network.first, reading.network.last];
    };
    expect(sized('198.51.100.0/24')).toEqual(['256 addresses', '198.51.100.0', '198.51.100.255']);
    expect(sized('10.0.0.0/8')[0]).toBe('16,777,216 addresses');
    expect(sized('198.51.100.7')[0]).toBe('1 address');
    expect(sized('2001:db8::/64')).toEqual(['2^64 addresses', '2001:db8::', '2001:db8::ffff:ffff:ffff:ffff']);
  });

  test('tells an address from words and networks', () => {
    expect(addressIn('2001:DB8::1')).toBe('2001:db8::1');
    expect(addressIn('198.51.100.0/24')).toBeUndefined();
    expect(addressIn('too many requests')).toBeUndefined();
  });
});
