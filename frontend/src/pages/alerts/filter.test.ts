import { expect, test } from 'vitest';
import { ask, matches, narrowed, readFilter, usual, writeFilter } from './filter';
import { row } from './testing';

const read = (query: string) => readFilter(new URLSearchParams(query));

test('an address without a filter means what is open', () => {
  expect(read('')).toEqual(usual);
  expect(writeFilter(usual)).toBe('');
  expect(ask(usual)).toEqual({ status: 'OPEN' });
});

test('a filter survives the way through the address', () => {
  const filter = {
    severities: ['CRITICAL' as const, 'HIGH' as const],
    status: 'ALL' as const,
    text: 'a&b=c ü',
    rule: 'honeypot',
    client: '2001:db8::/64',
    account: 'al&ice=',
    incident: '42',
  };
  const written = writeFilter(filter);
  expect(written).toMatch(/^\?severity=critical,high&status=all/);
  expect(readFilter(new URLSearchParams(written))).toEqual(filter);
});

test('what an address says that is no filter is left out', () => {
  expect(read('severity=critical,terrible&status=closed&page=3')).toEqual({
    ...usual,
    severities: ['CRITICAL'],
  });
});

test('the server is asked for what is chosen and nothing else', () => {
  expect(ask({ ...usual, status: 'ALL', text: '  decoy ' })).toEqual({ text: 'decoy' });
  expect(ask({ ...usual, severities: ['LOW'], rule: 'r', client: 'c', incident: '1' })).toEqual({
    severities: ['LOW'],
    status: 'OPEN',
    rule: 'r',
    client: 'c',
    incident: '1',
  });
});

test.each([
  ['anything when nothing is narrowed', {}, true],
  ['its severity', { severities: ['HIGH' as const] }, true],
  ['another severity', { severities: ['LOW' as const, 'INFO' as const] }, false],
  ['what is resolved', { status: 'RESOLVED' as const }, false],
  ['any status', { status: 'ALL' as const }, true],
  ['words of the reason, in any case', { text: '101 REQUESTS' }, true],
  ['its key', { text: 'user_k' }, true],
  ['its path', { text: '/api/bal' }, true],
  ['other words', { text: 'decoy' }, false],
  ['its rule', { rule: 'rate-abuse' }, true],
  ['another rule', { rule: 'honeypot' }, false],
  ['its client', { client: '198.51.100.7' }, true],
  ['another client', { client: '198.51.100.8' }, false],
  ['another incident', { incident: '9' }, false],
])('an open alert and a filter for %s', (_, change, belongs) => {
  expect(matches(row('7'), { ...usual, ...change })).toBe(belongs);
});

test('the status alone does not narrow', () => {
  expect(narrowed({ ...usual, status: 'RESOLVED' })).toBe(false);
  expect(narrowed({ ...usual, text: 'x' })).toBe(true);
});
