import { describe, expect, test } from 'vitest';
import { ask, exportAddress, readFilter, usual, writeFilter } from './filter';

const read = (query: string) => readFilter(new URLSearchParams(query));

describe('the filter of decisions', () => {
  test.each(['', 'state=lifted&action=block&origin=rule&q=198.51.100.0/24', 'state=all&q=2001:db8::1'])(
    'reads what it writes: %s',
    (query) => expect(writeFilter(read(query))).toBe(query && `?${query}`),
  );

  test('shows what is in force, unless something else is asked for that there is', () => {
    expect(read('state=gone&action=ban&origin=me')).toEqual(usual);
    expect(ask(usual)).toEqual({ state: 'IN_FORCE' });
  });

  test('looks for what covers an address, and for words otherwise', () => {
    expect(ask(read('state=all&q=198.51.100.7'))).toEqual({ covers: '198.51.100.7' });
    expect(ask(read('state=all&q=2001:DB8::1'))).toEqual({ covers: '2001:db8::1' });
    expect(ask(read('state=all&q=198.51.100.0/24'))).toEqual({ text: '198.51.100.0/24' });
    expect(ask(read('state=all&q=card+testing'))).toEqual({ text: 'card testing' });
  });

  test('exports what is shown', () => {
    expect(exportAddress('csv', read('action=block&q=a%26b'))).toBe(
      '/api/export/decisions.csv?state=IN_FORCE&actions=BLOCK&text=a%26b',
    );
  });
});
