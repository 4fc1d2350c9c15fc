import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { ProofFragment } from '../gql/Proof';
import { show } from '../testing/show';
import { Proof } from './Proof';
import { Target } from './Target';

const nothing = {
  __typename: 'Evidence' as const,
  seen: [],
  parts: [],
  unless: null,
  account: null,
  userAgent: null,
  country: null,
  asn: null,
  tokens: [],
};

const proof: ProofFragment = {
  __typename: 'Receipt',
  terms: { __typename: 'Terms', rule: 'rate-abuse', version: 2, limit: 100, windowSeconds: 60 },
  count: 101,
  times: ['2026-03-01T12:00:00.000Z', '2026-03-01T12:00:41.000Z'],
  evidence: { ...nothing, unless: 'It would not have fired for 100 or fewer within 1 minute.' },
  recomputed: true,
  explanation: 'Counted again: 101 times within 1 minute, and more than 100 trip the rule.',
};

test('a receipt says that it was computed again, from which terms, and what would have kept it silent', () => {
  show(<Proof of={proof} />);
  expect(screen.getByText(/Computed again, it comes out the same/)).toBeTruthy();
  expect(screen.getByText(/version 2: more than 100 in 1 min trip it, 101 were counted/)).toBeTruthy();
  expect(screen.getByText(/2 times are kept/)).toBeTruthy();
  expect(screen.getByText(/^It would not have fired for 100/)).toBeTruthy();
});

test('of a score it is told what it was, and not how many were counted', () => {
  const parts = [{ __typename: 'Part' as const, feature: 'guessing', value: 60, expected: '', share: 60 }];
  const terms = { __typename: 'Terms' as const, rule: 'incident', version: 1, limit: 89, windowSeconds: 0 };
  show(<Proof of={{ ...proof, terms, count: 95, times: [], evidence: { ...nothing, parts } }} />);
  expect(screen.getByText(/: a score of more than 89 trips it, and it was 95\.$/)).toBeTruthy();
  expect(screen.queryByText(/were counted/)).toBeNull();
});

test('a receipt that proves less says only what it proves', () => {
  show(<Proof of={{ ...proof, recomputed: false, explanation: 'From the count kept: 5000.', times: [] }} />);
  expect(screen.queryByText(/comes out the same/)).toBeNull();
  expect(screen.getByText('From the count kept: 5000.')).toBeTruthy();
});

test('what no rule decided has no terms', () => {
  show(
    <Proof
      of={{
        ...proof,
        terms: null,
        count: null,
        times: [],
        evidence: null,
        recomputed: false,
        explanation: 'An operator decided it.',
      }}
    />,
  );
  expect(screen.getByText('An operator decided it.')).toBeTruthy();
  expect(screen.queryByText(/Rule/)).toBeNull();
});

test('many values are shown in part, then all, as text', async () => {
  const seen = Array.from({ length: 32 }, (_, i) => `user${i}<script>`);
  show(<Proof of={{ ...proof, evidence: { ...nothing, seen } }} />);
  const list = screen.getByRole('list', { name: 'What was seen' });
  expect(within(list).getAllByRole('listitem')).toHaveLength(12);
  await userEvent.click(screen.getByRole('button', { name: 'Show all 32' }));
  expect(within(list).getAllByRole('listitem')).toHaveLength(32);
  expect(list.querySelector('script')).toBeNull();
});

test.each([
  [{ label: '198.51.100.7', account: null, route: null }, '198.51.100.7'],
  [{ label: 'account "eve"', account: 'eve', route: null }, 'account eve'],
  [{ label: '"POST /api/login"', account: null, route: 'POST /api/login' }, 'route POST /api/login'],
  [{ label: 'key user_key…', keyPrefix: 'user_key', account: null, route: null }, 'key user_key…'],
])('a target is named in words: %j', (whom, words) => {
  const { container } = show(<Target of={whom} />);
  expect(container.querySelector('span')?.textContent).toBe(words);
});
