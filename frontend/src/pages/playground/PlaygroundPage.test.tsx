import { screen } from '@testing-library/react';
import { parse } from 'graphql';
import { expect, test, vi } from 'vitest';
import { show } from '../../testing/show';
import { examples } from './examples';
import { PlaygroundPage } from './PlaygroundPage';

vi.mock('./Editor', () => ({ Editor: ({ theme }: { theme: string }) => <p>an editor, {theme}</p> }));

test('shows its heading while the editor loads, then the editor in the theme of the app', async () => {
  show(<PlaygroundPage />, {});
  expect(screen.getByRole('heading', { name: 'Playground' })).toBeTruthy();
  expect(await screen.findByText(/an editor, (dark|light)/)).toBeTruthy();
});

test('opens with a question, a subscription and a change that all parse', () => {
  const kinds = examples.flatMap((e) =>
    parse(e.query).definitions.map((d) => ('operation' in d ? d.operation : '')),
  );
  expect(kinds).toEqual(['query', 'subscription', 'mutation']);
});
