import { expect, test } from 'vitest';
import { announce, merged, withoutSubject } from './feed';

const item = (id: string, says = '') => ({ id, says });

test('what was just announced comes first, and once', () => {
  const announced = announce(announce([], item('8'), 5), item('9'), 5);
  expect(merged(announced, [item('8', 'known'), item('7')], 5)).toEqual([item('9'), item('8'), item('7')]);
});

test('announcing again moves to the front instead of repeating', () => {
  expect(announce([item('1'), item('2')], item('2', 'newer'), 5)).toEqual([item('2', 'newer'), item('1')]);
});

test('a feed stays as long as it may be', () => {
  expect(announce([item('1'), item('2')], item('3'), 2)).toEqual([item('3'), item('1')]);
  expect(merged([item('3')], [item('2'), item('1')], 2)).toEqual([item('3'), item('2')]);
});

test('an address that stands above its reason is not said twice', () => {
  const reason = '198.18.0.7 asked for "/api/admin/users", a decoy.';
  expect(withoutSubject(reason, '198.18.0.7')).toBe('Asked for "/api/admin/users", a decoy.');
  expect(withoutSubject(reason, '198.18.0.70')).toBe(reason);
});
