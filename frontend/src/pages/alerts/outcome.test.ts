import { expect, test } from 'vitest';
import { outcome, when } from './outcome';
import { steps } from './Story';
import { at, block, detail } from './testing';

const now = Date.parse(at(100));

test.each([
  ['no decision', { decision: null }, /^Nobody was blocked because of it\.$/],
  [
    'a block in force',
    { decision: block('D-1', { until: at(400) }) },
    /^198\.51\.100\.7 is blocked until .*:06:40\.$/,
  ],
  [
    'a block without an end',
    { decision: block('D-1', { until: null }) },
    /is blocked until somebody lifts it\.$/,
  ],
  [
    'a block that has ended',
    { decision: block('D-1', { until: at(99) }) },
    /^The block ended by itself at .*:01:39\.$/,
  ],
  [
    'a lifted block',
    { decision: block('D-1', { state: 'LIFTED' as const, liftedAt: at(60), liftedBy: 'ada' }) },
    /^The block was lifted by ada at .*:01:00\.$/,
  ],
  [
    'a lifted block and another one',
    {
      decision: block('D-1', { state: 'LIFTED' as const, liftedAt: at(60), liftedBy: 'ada' }),
      decisions: [block('D-2', { by: 'grace', until: null })],
    },
    /lifted by ada at .* 198\.51\.100\.7 is blocked by grace until somebody lifts it\.$/,
  ],
])('says what became of it: %s', (_, more, says) => {
  expect(outcome(detail('7', more), now)).toMatch(says);
});

test('a time of another day carries its date', () => {
  expect(when(at(0), now)).not.toMatch(/Mar/);
  expect(when(at(0), now + 3 * 86_400_000)).toMatch(/1 Mar 2026/);
});

test('the story is told in the order of time', () => {
  const alert = detail('7', {
    findings: 3,
    firstAt: at(0),
    lastAt: at(90),
    decision: block('D-1', {
      from: at(0),
      until: at(300),
      liftedAt: at(120),
      liftedBy: 'ada',
      state: 'LIFTED',
    }),
    resolvedAt: at(130),
    resolvedBy: 'grace',
  });
  expect(steps(alert).map((s) => s.text)).toEqual([
    'First finding: the alert was raised',
    'Block of 198.51.100.7, for 5 min',
    'Last of 3 findings, merged over 1 min 30 s',
    'Lifted by ada',
    'Resolved by grace',
  ]);
});
