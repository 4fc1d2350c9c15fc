import { expect, test } from 'vitest';
import { plain } from './palette';
import { statusColour, statusMix } from './statusMix';

test.each([
  [200, plain.passed],
  [304, plain.redirected],
  [401, plain.failed],
  [403, plain.refused],
  [429, plain.refused],
  [502, plain.broken],
])('status %d is drawn in the colour of its kind', (status, colour) =>
  expect(statusColour(status, plain)).toBe(colour),
);

test('gives every status a slice of its size', () => {
  const { series } = statusMix(
    [
      { status: 200, requests: 90 },
      { status: 429, requests: 10 },
    ],
    plain,
  ) as { series: { data: { name: string; value: number }[] }[] };
  expect(series[0]?.data.map((d) => [d.name, d.value])).toEqual([
    ['200', 90],
    ['429', 10],
  ]);
});
