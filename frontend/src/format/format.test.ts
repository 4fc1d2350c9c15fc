import { describe, expect, test } from 'vitest';
import { bytes } from './bytes';
import { span, took } from './durations';
import { change, compact, count, difference, many, percent, points, rate } from './numbers';
import { ago, left } from './time';

const noon = Date.parse('2026-11-22T12:00:00.000Z');
const secondsAgo = (seconds: number) => new Date(noon - seconds * 1000).toISOString();

describe('numbers', () => {
  test('are grouped, and shortened only where all digits would not fit', () => {
    expect(count(1234567)).toBe('1,234,567');
    expect(compact(9_999)).toBe('9,999');
    expect(compact(12_345)).toBe('12.3K');
  });

  test('agree with their noun', () => {
    expect(many(1, 'alert')).toBe('1 alert');
    expect(many(2, 'alert')).toBe('2 alerts');
    expect(many(0, 'entry', 'entries')).toBe('0 entries');
  });

  test.each([
    [0, '0%'],
    [0.0004, '<0.1%'],
    [0.034, '3.4%'],
    [0.9996, '>99.9%'],
    [1, '100%'],
  ])('a share of %d reads %s', (share, text) => expect(percent(share)).toBe(text));

  test.each([
    [0, '0'],
    [0.4, '0.4'],
    [12.54, '12.5'],
    [340.4, '340'],
  ])('a rate of %d reads %s', (r, text) => expect(rate(r)).toBe(text));
});

describe('a change', () => {
  test('is told in percent, as a multiple when it is tenfold, as new when there was nothing', () => {
    expect(change(120, 100)).toEqual({ direction: 'up', text: '+20%' });
    expect(change(75, 100)).toEqual({ direction: 'down', text: '−25%' });
    expect(change(2400, 100)).toEqual({ direction: 'up', text: '×24' });
    expect(change(5, 0)).toEqual({ direction: 'up', text: 'new' });
    expect(change(0, 5)).toEqual({ direction: 'down', text: '−100%' });
    expect(change(7, 7)).toEqual({ direction: 'same', text: '' });
  });

  test('of a count is told in whole numbers', () => {
    expect(difference(3, 1)).toEqual({ direction: 'up', text: '+2' });
    expect(difference(1, 3)).toEqual({ direction: 'down', text: '−2' });
  });

  test('of a share is told in points, and what rounds to nothing is no change', () => {
    expect(points(0.062, 0.05)).toEqual({ direction: 'up', text: '+1.2 pt' });
    expect(points(0.0501, 0.05)).toEqual({ direction: 'same', text: '' });
  });
});

describe('times', () => {
  test.each([
    [0, 'now'],
    [12, '12 s ago'],
    [59, '59 s ago'],
    [119, '1 min ago'],
    [3_600, '1 h ago'],
    [90_000, '1 d ago'],
    [-240, 'in 4 min'],
  ])('%d seconds ago reads "%s"', (seconds, text) => expect(ago(secondsAgo(seconds), noon)).toBe(text));

  test('what is left of a decision counts down to over', () => {
    expect(left(secondsAgo(-250), noon)).toBe('4 min 10 s');
    expect(left(secondsAgo(0), noon)).toBe('over');
    expect(left(secondsAgo(5), noon)).toBe('over');
  });
});

test.each([
  [0, '0 s'],
  [45, '45 s'],
  [300, '5 min'],
  [5_400, '1 h 30 min'],
  [3_601, '1 h'],
  [604_800, '7 d'],
])('a span of %d seconds reads "%s"', (seconds, text) => expect(span(seconds)).toBe(text));

test.each([
  [0.42, '0.4 ms'],
  [12.4, '12 ms'],
  [1_340, '1.3 s'],
])('an answer that took %d ms reads "%s"', (ms, text) => expect(took(ms)).toBe(text));

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_500, '1.5 kB'],
  [20_000_000, '20 MB'],
])('%d bytes read "%s"', (n, text) => expect(bytes(n)).toBe(text));
