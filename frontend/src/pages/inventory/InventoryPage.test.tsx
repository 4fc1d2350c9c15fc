import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, test } from 'vitest';
import { show } from '../../testing/show';
import { InventoryPage } from './InventoryPage';

const endpoint = (route: string, more: object = {}) => ({
  id: `${route} GET`,
  method: 'GET',
  route,
  firstAt: new Date(Date.now() - 3_600_000).toISOString(),
  lastAt: new Date(Date.now() - 60_000).toISOString(),
  requests: 1000,
  statuses: [
    { class: 2, count: 980 },
    { class: 4, count: 20 },
  ],
  authenticated: 0.5,
  late: false,
  listing: null,
  deprecated: false,
  ...more,
});
type Endpoint = ReturnType<typeof endpoint>;
const list = (all: Endpoint[], shown = all) => ({
  inventory: { totalCount: shown.length, edges: shown.map((node) => ({ node })) },
  known: { totalCount: all.length, edges: all.slice(0, 1).map((node) => ({ node })) },
});
const rows = async () =>
  within(await screen.findByRole('table', { name: 'Endpoints' }))
    .getAllByRole('row')
    .slice(1);

describe('the inventory', () => {
  test('tells of each endpoint how much it is asked, how it answers and who asks', async () => {
    show(<InventoryPage />, { InventoryPage: list([endpoint('/accounts/{id}')]) });
    const [row] = await rows();
    const text = row?.textContent ?? '';
    for (const part of [
      'GET /accounts/{id}',
      '1,000',
      '98% well',
      '2xx 98%, 4xx 2%',
      '50%',
      '1 h ago',
      '1 min ago',
    ])
      expect(text).toContain(part);
    expect(screen.getByRole('status').textContent).toContain('1 endpoint. Name your OpenAPI file');
  });

  test('marks what is in no file, what nobody asks for and what should be gone', async () => {
    show(<InventoryPage />, {
      InventoryPage: list([
        endpoint('/a', { listing: 'SHADOW', late: true }),
        endpoint('/b', { listing: 'UNUSED', requests: 0, statuses: [], firstAt: null, lastAt: null }),
        endpoint('/c', { listing: 'LISTED', deprecated: true }),
      ]),
    });
    const [a, b, c] = await rows();
    expect(a?.textContent).toContain('ShadowNew');
    expect(b?.textContent).toContain('Unused');
    expect(b?.textContent).toContain('none yet');
    expect(b?.textContent).toContain('never');
    expect(c?.textContent).toContain('Deprecated');
    expect(within(screen.getByRole('combobox', { name: 'Show' })).getAllByRole('option')).toHaveLength(6);
  });

  test('is sorted by what is asked for', async () => {
    show(<InventoryPage />, {
      InventoryPage: list([
        endpoint('/a', { requests: 5 }),
        endpoint('/b', { requests: 50, statuses: [{ class: 5, count: 50 }] }),
        endpoint('/c', { requests: 9, firstAt: new Date().toISOString() }),
        endpoint('/d', { requests: 0, statuses: [], firstAt: null, lastAt: null }),
      ]),
    });
    const order = async () => (await rows()).map((r) => r.textContent?.match(/GET (\/\w)/)?.[1]).join('');
    expect(await order()).toBe('/a/b/c/d');
    for (const [by, want] of [
      ['Most requests', '/b/c/a/d'],
      ['Fails most', '/b/a/c/d'],
      ['Newest first', '/c/a/b/d'],
    ] as const) {
      await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Sort by' }), by);
      expect(await order()).toBe(want);
    }
  });

  test('is narrowed by the server, and offers all of it when nothing is like that', async () => {
    const all = [endpoint('/a'), endpoint('/b')];
    const page = show(<InventoryPage />, {
      InventoryPage: ({ filter }: { filter: object }) => list(all, Object.keys(filter).length > 0 ? [] : all),
    });
    await rows();
    await userEvent.type(screen.getByRole('searchbox', { name: 'Route contains' }), 'x');
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Show' }), 'late');
    expect(await screen.findByText('No endpoint is like that')).toBeTruthy();
    expect(page.asked('InventoryPage').at(-1)).toEqual({ filter: { late: true, text: 'x' } });
    await userEvent.click(screen.getByRole('button', { name: 'Show all 2' }));
    expect(await rows()).toHaveLength(2);
  });

  test('waits, fails with another try, and says when nothing was served', async () => {
    const waiting = show(<InventoryPage />);
    expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
    waiting.unmount();
    let away = true;
    show(<InventoryPage />, {
      InventoryPage: () => {
        if (away) throw new Error('the database is away');
        return list([]);
      },
    });
    await screen.findByText('The database is away');
    away = false;
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('Nothing was served yet')).toBeTruthy();
  });
});
