import { expect, test } from 'vitest';
import { bandOf } from './bands';

test('a score lies in the band that begins at or below it', () => {
  expect([0, 29, 30, 59, 60, 89, 90, 100].map((s) => bandOf(s).name)).toEqual([
    'Noted',
    'Noted',
    'Look',
    'Look',
    'Act',
    'Act',
    'Block',
    'Block',
  ]);
});
