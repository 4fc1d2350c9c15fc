import { expect, test } from 'vitest';
import { clientsOf } from './clients';
import { lanes } from './lanes';
import { alert, at } from './testing';

const actor = (label: string) => ({ __typename: 'Target' as const, label, network: label });

test('each client has a lane, in the order in which they appeared', () => {
  const drawn = lanes(
    [alert('9', { firstAt: at(50), lastAt: at(50) }), alert('7', { firstAt: at(0), lastAt: at(100) })],
    at(0),
    at(100),
  );
  expect(drawn.map((l) => l.label)).toEqual(['198.51.100.7', '198.51.100.9']);
  expect(drawn[0]?.marks[0]).toMatchObject({ from: 0, to: 1 });
  expect(drawn[1]?.marks[0]).toMatchObject({ from: 0.5, to: 0.5 });
});

test('marks that would touch stand on lines of their own', () => {
  const one = actor('198.51.100.7');
  const [lane] = lanes(
    [
      alert('1', { actor: one, firstAt: at(10), lastAt: at(10) }),
      alert('2', { actor: one, firstAt: at(11), lastAt: at(11) }),
      alert('3', { actor: one, firstAt: at(60), lastAt: at(60) }),
    ],
    at(0),
    at(100),
  );
  expect(lane?.marks.map((m) => [m.alert.id, m.line])).toEqual([
    ['1', 0],
    ['2', 1],
    ['3', 0],
  ]);
  expect(lane?.lines).toBe(2);
});

test('what came all at once is drawn at the beginning', () => {
  const [lane] = lanes([alert('7')], at(0), at(0));
  expect(lane?.marks[0]).toMatchObject({ from: 0, to: 0 });
});

test('what lies outside the incident stays inside the picture', () => {
  const [lane] = lanes([alert('7', { firstAt: at(-50), lastAt: at(500) })], at(0), at(100));
  expect(lane?.marks[0]).toMatchObject({ from: 0, to: 1 });
});

test('clients are listed with what they did, the worst first', () => {
  const seven = actor('198.51.100.7');
  const clients = clientsOf([
    alert('1', { actor: actor('198.51.100.5'), severity: 'MEDIUM' }),
    alert('2', { actor: seven, lastAt: at(5) }),
    alert('3', { actor: seven, severity: 'CRITICAL', title: 'Decoy path touched', lastAt: at(3) }),
    alert('4', { actor: seven }),
  ]);
  expect(clients.map((c) => [c.label, c.worst, c.titles, c.alerts.length])).toEqual([
    ['198.51.100.7', 'CRITICAL', ['Decoy path touched', 'Too many requests'], 3],
    ['198.51.100.5', 'MEDIUM', ['Too many requests'], 1],
  ]);
  expect(clients[0]?.lastAt).toBe(at(5));
});
