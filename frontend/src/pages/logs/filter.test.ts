import { describe, expect, test } from 'vitest';
import { ask, everything, exportAddress, readFilter, readStatus, writeFilter } from './filter';

const now = Date.parse('2026-03-04T12:00:00Z');
const read = (query: string) => readFilter(new URLSearchParams(query));

describe('the filter of the logs', () => {
  test.each([
    'client=198.51.100.0/24&path=/api/a%26b&status=4xx&method=GET,POST&refused=true',
    'key=user_ke&last=15m&monitored=true',
    'status=429&from=2026-03-04T10:00:00.000Z&to=2026-03-04T11:00:00.000Z',
  ])('reads what it writes: %s', (query) => {
    const filter = read(query);
    expect(read(writeFilter(filter))).toEqual(filter);
    expect(writeFilter(filter)).not.toBe('');
  });

  test('is no filter at all when nothing is asked', () => {
    expect(read('')).toEqual(everything);
    expect(writeFilter(everything)).toBe('');
    expect(ask(everything, now)).toEqual({});
  });

  test('leaves out what the server would refuse', () => {
    expect(read('client=bank&status=999&last=1y&from=yesterday&to=2026-03-04T11:00:00Z&method=')).toEqual({
      ...everything,
      to: '2026-03-04T11:00:00.000Z',
    });
    expect(read('from=2026-03-04T11:00:00Z&to=2026-03-04T10:00:00Z').to).toBe('');
  });

  test('asks for a class or for one status', () => {
    expect(ask(read('status=4XX'), now)).toEqual({ statusClass: 4 });
    expect(ask(read('status=429'), now)).toEqual({ status: 429 });
    expect(['2xx', '503', '99', '600', '4x'].map(readStatus)).toEqual([
      '2xx',
      '503',
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('begins a span that ends now when it is asked for', () => {
    expect(ask(read('last=15m'), now)).toEqual({ from: '2026-03-04T11:45:00.000Z' });
  });

  test('exports what is shown, whatever stands in it', () => {
    expect(exportAddress('csv', everything, now)).toBe('/api/export/exchanges.csv');
    const written = exportAddress('json', read('path=%26refused%3Dfalse&method=GET,POST&refused=true'), now);
    const query = new URLSearchParams(written.split('?')[1]);
    expect([...query]).toEqual([
      ['path', '&refused=false'],
      ['methods', 'GET,POST'],
      ['refused', 'true'],
    ]);
  });
});
