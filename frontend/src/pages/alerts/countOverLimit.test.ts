import { expect, test } from 'vitest';
import { curve, path } from './countOverLimit';
import { at } from './testing';

test('the count climbs by one at each time, over the window that ends with the last', () => {
  const drawn = curve({ times: [at(0), at(30), at(45)], count: 3, limit: 2, windowSeconds: 60 });
  expect(drawn?.points.map((p) => [p.x, p.n])).toEqual([
    [0.25, 1],
    [0.75, 2],
    [1, 3],
  ]);
  expect(drawn?.took).toBe(45);
  expect(drawn?.from).toBe(0);
});

test('the limit lies between what is allowed and what tripped the rule', () => {
  const drawn = curve({ times: [at(0), at(30), at(45)], count: 3, limit: 2, windowSeconds: 60 });
  expect(drawn?.limit).toBeCloseTo(drawn?.points[1]?.y ?? 0);
  expect(drawn?.points[2]?.y).toBeGreaterThan(drawn?.limit ?? 1);
  expect(drawn?.points[2]?.y).toBeLessThan(1);
});

test('a burst is drawn larger, and says which part of the window that is', () => {
  const drawn = curve({ times: [at(0), at(0.2), at(0.4)], count: 3, limit: 2, windowSeconds: 60 });
  expect(drawn?.seconds).toBeLessThan(1);
  expect(drawn?.from).toBeGreaterThan(0.99);
  expect(drawn?.points.at(-1)?.x).toBe(1);
});

test('all at the same instant can still be drawn', () => {
  const drawn = curve({ times: [at(0), at(0), at(0)], count: 3, limit: 2, windowSeconds: 60 });
  expect(drawn?.points.every((p) => Number.isFinite(p.x) && Number.isFinite(p.y))).toBe(true);
});

test('when only the newest times are kept, the count begins above nothing', () => {
  const drawn = curve({ times: [at(0), at(10)], count: 130, limit: 128, windowSeconds: 60 });
  expect(drawn?.points.map((p) => p.n)).toEqual([129, 130]);
});

test.each([
  ['one time', [at(0)], 60],
  ['no time', [], 60],
  ['no window', [at(0), at(1)], 0],
])('%s gives no picture', (_, times, windowSeconds) => {
  expect(curve({ times, count: times.length, limit: 1, windowSeconds })).toBeUndefined();
});

test('the path goes in steps from left to right', () => {
  const drawn = curve({ times: [at(0), at(60)], count: 2, limit: 1, windowSeconds: 60 });
  expect(drawn && path(drawn, false)).toMatch(/^M0 1000H0V\d+H1000V\d+H1000$/);
  expect(drawn && path(drawn, true)).toMatch(/Z$/);
});
