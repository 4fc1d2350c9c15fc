import { act, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { CombinedError } from '@urql/core';
import { describe, expect, test, vi } from 'vitest';
import type { Question } from '../api/useQuery';
import { refusal, show } from '../testing/show';
import { Address } from './Address';
import { Answer } from './Answer';
import { Confirm } from './Confirm';
import { Figure } from './Figure';
import { path } from './Sparkline';
import { StatusBadge } from './StatusBadge';
import { statusName } from './statusName';
import { Table } from './Table';
import { Left } from './Time';
import { Toasts } from './Toasts';
import { toast } from './toasts';

const question = (more: Partial<Question<string[]>>): Question<string[]> => ({
  data: undefined,
  error: undefined,
  waiting: false,
  refetch: () => {},
  ...more,
});
const away = new CombinedError({ graphQLErrors: [refusal('UNAVAILABLE', 'the database is away')] });

describe('an answer', () => {
  const draw = (of: Question<string[]>) =>
    show(
      <Answer of={of} empty={(d) => d.length === 0} nothing={<p>Nothing</p>}>
        {(d) => <p>{d.join()}</p>}
      </Answer>,
    );

  test('is waited for', () => {
    draw(question({ waiting: true }));
    expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
  });

  test('that failed can be asked for again', async () => {
    const refetch = vi.fn();
    draw(question({ error: away, refetch }));
    await userEvent.click(within(screen.getByRole('alert')).getByRole('button', { name: 'Try again' }));
    expect(refetch).toHaveBeenCalledOnce();
  });

  test('may be empty', () => {
    draw(question({ data: [] }));
    expect(screen.getByText('Nothing')).toBeTruthy();
  });

  test('stays on screen when a newer one fails, and says that it is old', () => {
    draw(question({ data: ['a', 'b'], error: away }));
    expect(screen.getByText('a,b')).toBeTruthy();
    expect(screen.getByText(/what was known before/)).toBeTruthy();
  });
});

describe('a table', () => {
  const open = vi.fn();
  const draw = () =>
    show(
      <Table
        label="Clients"
        columns={[
          { head: 'Client', cell: (r: { id: string }) => r.id, opens: true },
          { head: 'Note', cell: () => 'watched' },
        ]}
        rows={[{ id: '198.18.0.1' }, { id: '198.18.0.2' }]}
        keyOf={(r) => r.id}
        onOpen={open}
      />,
    );

  test('opens a row by the keyboard, and by a click anywhere on it, once', async () => {
    open.mockClear();
    draw();
    await userEvent.tab();
    await userEvent.keyboard('{Enter}');
    expect(open).toHaveBeenLastCalledWith({ id: '198.18.0.1' });
    await userEvent.click(screen.getAllByText('watched')[1] as HTMLElement);
    expect(open).toHaveBeenLastCalledWith({ id: '198.18.0.2' });
    expect(open).toHaveBeenCalledTimes(2);
  });

  test('names each value for when rows become cards', () => {
    draw();
    expect(screen.getAllByRole('cell').map((c) => c.dataset.label)).toEqual([
      'Client',
      'Note',
      'Client',
      'Note',
    ]);
  });
});

test('an address is copied exactly', async () => {
  const user = userEvent.setup();
  show(<Address value="2001:db8::7" />);
  await user.click(screen.getByRole('button', { name: 'Copy address 2001:db8::7' }));
  expect(await navigator.clipboard.readText()).toBe('2001:db8::7');
  expect(screen.getByRole('button', { name: 'Copied address' })).toBeTruthy();
});

test('a question before a change names the change, and can be left', async () => {
  const change = vi.fn();
  const leave = vi.fn();
  show(
    <Confirm opened title="Block 198.18.0.7?" verb="Block" danger onConfirm={change} onClose={leave}>
      For one hour.
    </Confirm>,
  );
  const dialog = await screen.findByRole('dialog', { name: 'Block 198.18.0.7?' });
  await userEvent.click(within(dialog).getByRole('button', { name: 'Block' }));
  await userEvent.click(within(dialog).getByRole('button', { name: 'Cancel' }));
  expect([change.mock.calls.length, leave.mock.calls.length]).toEqual([1, 1]);
});

test('a figure says from what it changed', () => {
  const { container } = show(
    <Figure label="Alerts" value="3" change={{ direction: 'up', text: '+2' }} before="1" />,
  );
  expect(container.textContent).toContain('Alerts3+2 from 1');
});

test('a toast offers one step back, and goes away when told', async () => {
  const undo = vi.fn();
  show(<Toasts />);
  act(() => {
    toast.done('Block lifted', undo);
    toast.failed('That did not work');
  });
  await userEvent.click(screen.getByRole('button', { name: 'Undo' }));
  expect(undo).toHaveBeenCalledOnce();
  expect(screen.queryByText('Block lifted')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Dismiss' }));
  expect(screen.queryByText('That did not work')).toBeNull();
});

test('what is left of a decision without an end is "until lifted"', () => {
  show(<Left until={null} />);
  expect(screen.getByText('until lifted')).toBeTruthy();
});

test('a status says who answered when it was the gateway', () => {
  show(<StatusBadge status={429} refused />);
  expect(screen.getByText('429 refused')).toBeTruthy();
});

test.each([
  [429, 'Too many requests'],
  [418, 'Client error'],
  [599, 'Server error'],
])('status %d is called "%s"', (status, name) => expect(statusName(status)).toBe(name));

test('a sparkline reaches from the bottom to the top', () => {
  expect(path([0, 5, 10], 10, 14)).toBe('M0.0 12.0L5.0 7.0L10.0 2.0');
  expect(path([3], 10, 14)).toBe('');
});
