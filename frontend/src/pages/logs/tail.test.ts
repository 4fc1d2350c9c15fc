import { describe, expect, test } from 'vitest';
import {
  arrive,
  begin,
  catchUp,
  isGap,
  type Line,
  most,
  newer,
  older,
  type Row,
  release,
  type Tail,
} from './tail';

const row = (n: number): Row =>
  ({ id: String(1_000_000 + n), at: new Date(n).toISOString(), path: '/' }) as unknown as Row;
const rows = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => row(from - i)); // newest first
const page = (from: number, to: number, more = true) => ({ rows: rows(from, to), more, end: 'c' });
const seen = (from: number, to: number, skipped = 0) => ({ exchanges: rows(from, to), skipped });
const shown = (lines: Line[]) =>
  lines.map((l) => (isGap(l) ? `+${l.missed ?? '?'}` : Number(l.id) - 1_000_000));

describe('the tail', () => {
  test('puts what arrives above what is known, each once', () => {
    const tail = arrive(begin(page(5, 3)), seen(7, 4), false);
    expect(shown(tail.lines)).toEqual([7, 6, 5, 4, 3]);
  });

  test('says where rows were left out', () => {
    const tail = arrive(begin(page(2, 1)), seen(50, 49, 46), false);
    expect(shown(tail.lines)).toEqual([50, 49, '+46', 2, 1]);
  });

  test('sorts what arrives together by when it began', () => {
    const tail = arrive(begin(page(1, 1)), { exchanges: [row(3), row(5), row(4)], skipped: 0 }, false);
    expect(shown(tail.lines)).toEqual([5, 4, 3, 1]);
  });

  test('sorts in what arrives late', () => {
    let tail = arrive(begin(page(2, 1)), seen(9, 9), false);
    tail = arrive(tail, seen(5, 5), false);
    expect(shown(tail.lines)).toEqual([9, 5, 2, 1]);
  });

  test('keeps no more than can be followed, and can page on from there', () => {
    let tail = begin(page(100, 1, false));
    for (let n = 101; n < 2_000; n += 50) tail = arrive(tail, seen(n + 49, n), false);
    expect(tail.lines).toHaveLength(most.followed);
    expect(tail.more).toBe(true);
    expect(tail.after).toBeNull();
  });

  test('holds news back while it is held, counts them, and shows them when it goes on', () => {
    let tail = arrive(begin(page(2, 1)), seen(4, 3), true);
    tail = arrive(tail, seen(10, 9, 4), true);
    expect(shown(tail.lines)).toEqual([2, 1]);
    expect(tail.waitingCount).toBe(8);
    tail = release(tail);
    expect(shown(tail.lines)).toEqual([10, 9, '+4', 4, 3, 2, 1]);
    expect(tail.waitingCount).toBe(0);
  });

  test('holds a bounded number back, and knows how many it let go', () => {
    let tail: Tail = begin(page(1, 1));
    for (let n = 2; n < 1_002; n += 50) tail = arrive(tail, seen(n + 49, n), true);
    expect(tail.waiting.length).toBeLessThanOrEqual(most.waiting + 1);
    expect(tail.waitingCount).toBe(1_000);
    const gaps = release(tail).lines.filter(isGap);
    expect(gaps.map((g) => g.missed)).toEqual([1_000 - most.waiting]);
  });

  test('adds older rows, and lets the newest go when there are too many', () => {
    let tail = begin(page(5_000, 4_901));
    for (let n = 4_900; n > 3_500; n -= 100) tail = older(tail, page(n, n - 99));
    expect(tail.lines).toHaveLength(most.read);
    expect(tail.cut).toBe(true);
    expect(shown(tail.lines).at(-1)).toBe(3_501);
    const later = arrive(tail, seen(6_000, 5_999), false);
    expect(later.waitingCount).toBe(2); // its place is not on screen
  });

  test('closes a gap in the connection where it can, and says so where it cannot', () => {
    expect(shown(catchUp(begin(page(5, 1)), page(8, 4), false).lines)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect(shown(catchUp(begin(page(5, 1)), page(908, 904), false).lines)).toEqual([908, 907, 906, 905, 904]);
    const held = catchUp(begin(page(5, 1)), page(908, 906), true);
    expect(held.waitingCount).toBe(3);
    expect(shown(release(held).lines)).toEqual([908, 907, 906, '+?', 5, 4, 3, 2, 1]);
  });

  test('compares IDs that are too large for numbers', () => {
    expect(newer('1882562949226168320', '1882562949226168319')).toBe(true);
    expect(newer('999', '1000')).toBe(false);
  });
});
