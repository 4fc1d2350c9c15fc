import { expect, test } from 'vitest';
import { type Point, parts, remember, withTicks } from './timeline';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 12, minute)).toISOString();
const point = (minute: number, requests: number, more: Partial<Point> = {}): Point => ({
  at: at(minute),
  requests,
  failed: 0,
  refused: 0,
  alerts: 0,
  ...more,
});

test('a tick replaces the point with the same beginning', () => {
  const points = [point(0, 10), point(1, 4)];
  expect(withTicks(points, points, [point(1, 9, { refused: 2 })], 1)).toEqual([
    point(0, 10),
    point(1, 9, { refused: 2 }),
  ]);
});

test('a new minute moves the window on', () => {
  const points = [point(0, 10), point(1, 4)];
  expect(withTicks(points, points, [point(2, 1)], 1)).toEqual([point(1, 4), point(2, 1)]);
});

test('a tick older than the query takes nothing away', () => {
  const points = [point(0, 10), point(1, 9)];
  expect(withTicks(points, points, [point(1, 7)], 1)).toEqual(points);
});

test('a tick from before the window is left out', () => {
  const points = [point(5, 10), point(6, 9)];
  expect(withTicks(points, points, [point(2, 50)], 1)).toEqual(points);
});

test('a wide step grows by what its newest minute gained since the query', () => {
  const points = [point(0, 100), point(5, 30)];
  const minutes = [point(5, 20), point(6, 10)];
  expect(withTicks(points, minutes, [point(6, 14), point(7, 3)], 5)).toEqual([point(0, 100), point(5, 37)]);
});

test('a wide step that begins after the query counts all its minutes', () => {
  const points = [point(0, 100), point(5, 30)];
  expect(withTicks(points, [], [point(10, 4), point(11, 2)], 5)).toEqual([point(5, 30), point(10, 6)]);
});

test('of each minute only the newest tick is remembered, and not forever', () => {
  expect(remember([point(1, 3)], point(1, 5))).toEqual([point(1, 5)]);
  let ticks: Point[] = [];
  for (let minute = 0; minute < 40; minute++) ticks = remember(ticks, point(minute, 1));
  expect(ticks.map((t) => t.at)).toEqual(Array.from({ length: 15 }, (_, i) => at(25 + i)));
});

test('refusals are failures of the gateway, not of the API', () => {
  expect(parts(point(0, 10, { failed: 5, refused: 3 }))).toEqual({ passed: 5, failed: 2, refused: 3 });
});
