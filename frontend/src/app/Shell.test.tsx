import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, test } from 'vitest';
import { connection } from '../api/connection';
import { show } from '../testing/show';
import { home, routes } from './routes';
import { Shell } from './Shell';

const since = '2026-11-22T12:15:14.000Z';
const health = (more: object = {}) => ({
  health: {
    state: 'OK',
    mode: 'ENFORCE',
    notEnforcing: null,
    startedAt: since,
    version: '0.1.0',
    node: 'node-1',
    demo: true,
    dependencies: [{ name: 'redis', state: 'OK', detail: '', since }],
    trafficLost: 0,
    waiting: 0,
    ...more,
  },
});
const counts = { alerts: { totalCount: 0 } };
const elsewhere = { at: '/nowhere' }; // a page that asks nothing

afterEach(() => act(() => connection.move('connecting')));

describe('the shell', () => {
  test('leads to every page, and marks where one is', async () => {
    show(<Shell />, { ShellHealth: health(), NavigationCounts: counts }, { at: '/' });
    const links = within(screen.getByRole('navigation', { name: 'Pages' })).getAllByRole('link');
    expect(links.map((l) => l.getAttribute('href'))).toEqual(routes.map(home));
    expect(links.filter((l) => l.getAttribute('aria-current') === 'page').map((l) => l.textContent)).toEqual([
      'Dashboard',
    ]);
    expect(document.title).toBe('Dashboard · Sentinel');
  });

  test('moves the focus to a page that was just opened', async () => {
    show(<Shell />, {}, elsewhere);
    await userEvent.click(within(screen.getByRole('navigation')).getByRole('link', { name: 'Dashboard' }));
    expect(document.activeElement).toBe(screen.getByRole('main', { name: 'Dashboard' }));
  });

  test('says so when there is no such page', () => {
    show(<Shell />, {}, { at: '/no/such<page>' });
    expect(screen.getByRole('heading', { name: 'Not found' })).toBeTruthy();
    expect(screen.getByText('/no/such<page>')).toBeTruthy();
  });

  test('says that everyone is admin in the demo, and nothing of it elsewhere', async () => {
    const demo = show(<Shell />, { ShellHealth: health() }, elsewhere);
    expect(
      await screen.findByRole('button', { name: /^Demo.*everyone on this machine is admin$/ }),
    ).toBeTruthy();
    demo.unmount();
    show(<Shell />, { ShellHealth: health({ demo: false }) }, elsewhere);
    await screen.findByText('Version 0.1.0');
    expect(screen.queryByText('Demo')).toBeNull();
  });

  test('says which dependency is away and since when, and stops when it is back', async () => {
    let now = health({
      state: 'DEGRADED',
      waiting: 3,
      dependencies: [{ name: 'redis', state: 'DEGRADED', detail: 'Counts go on in memory.', since }],
    });
    const page = show(<Shell />, { ShellHealth: () => now }, elsewhere);
    const banner = await screen.findByRole('status', { name: 'Health' });
    expect(banner.textContent).toMatch(/redis since .*: Counts go on in memory\./);
    expect(banner.textContent).toContain('3 alerts and decisions wait to be written.');
    now = health();
    act(() => page.announce('HealthChanged', { healthChanged: { state: 'OK' } }));
    await waitFor(() => expect(screen.queryByRole('status', { name: 'Health' })).toBeNull());
  });

  test('says on every page that it only observes, and what it would have refused', async () => {
    const rules = (...n: number[]) => ({
      rules: n.map((requests, i) => ({ id: `r${i}`, wouldHave: { requests } })),
    });
    const observing = show(
      <Shell />,
      { ShellHealth: health({ mode: 'OBSERVE' }), ModeCounts: rules(1200, 4) },
      elsewhere,
    );
    const link = await screen.findByRole('link', { name: 'Would have refused 1,204 requests.' });
    expect(link.getAttribute('href')).toBe('/rules');
    observing.unmount();
    show(<Shell />, { ShellHealth: health(), ModeCounts: rules(7) }, elsewhere);
    await screen.findByText('Version 0.1.0');
    expect(screen.queryByText('Observing:')).toBeNull();
  });

  test('says why rules refuse nobody while the gateway doubts who asks', async () => {
    const why = 'Nearly all traffic seems to come from 10.0.0.5: set clients.trusted_proxies.';
    show(<Shell />, { ShellHealth: health({ notEnforcing: why }) }, elsewhere);
    const banner = await screen.findByRole('status', { name: 'Not enforcing' });
    expect(banner.textContent).toContain(why);
    expect(within(banner).getByRole('link').getAttribute('href')).toBe('/settings');
  });

  test('names who is signed in, and has no simulator where it is no demo', async () => {
    const bo = { name: 'bo', role: 'ANALYST', demo: false } as const;
    show(<Shell />, { ShellHealth: health({ demo: false }) }, { ...elsewhere, operator: bo });
    expect(await screen.findByRole('button', { name: 'bo, analyst: menu' })).toBeTruthy();
    expect(screen.getByText('Sign out')).toBeTruthy();
    expect(within(screen.getByRole('navigation')).queryByText('Simulator')).toBeNull();
  });

  test('shows how the live connection stands', () => {
    show(<Shell />, {}, elsewhere);
    const badge = screen.getByTestId('live');
    expect(badge.textContent).toBe('Connecting');
    act(() => connection.move('live'));
    expect(badge.textContent).toBe('Live');
    act(() => connection.move('reconnecting'));
    expect(badge.textContent).toBe('Reconnecting');
  });

  test('asks again when the connection is back after a gap', async () => {
    const page = show(<Shell />, { ShellHealth: health() }, elsewhere);
    await screen.findByText('Version 0.1.0');
    act(() => connection.move('live'));
    act(() => connection.move('reconnecting'));
    const before = page.asked('ShellHealth').length;
    await act(async () => connection.move('live'));
    expect(page.asked('ShellHealth').length).toBe(before + 1);
  });

  test('counts open alerts in the navigation', async () => {
    const page = show(<Shell />, { NavigationCounts: () => ({ alerts: { totalCount: open } }) }, elsewhere);
    let open = 0;
    const link = () => within(screen.getByRole('navigation')).getByRole('link', { name: /^Alerts/ });
    await waitFor(() => expect(page.asked('NavigationCounts')).toHaveLength(1));
    expect(link().textContent).toBe('Alerts');
    open = 4;
    await act(async () => page.announce('NavigationRaised', { alertRaised: { id: '1' } }));
    expect(link().textContent).toBe('Alerts4 open');
  });
});

describe('the search', () => {
  const hits = [
    { kind: 'ALERT', id: '7', label: 'Too many requests', detail: '198.18.0.7' },
    { kind: 'CLIENT', id: '198.18.0.7', label: '198.18.0.7', detail: '120 requests' },
  ];

  test('opens with a key and goes where the arrows point', async () => {
    const page = show(<Shell />, { SearchHits: { search: hits } }, elsewhere);
    await userEvent.keyboard('/');
    const field = await screen.findByRole('combobox', { name: 'Search' });
    await userEvent.type(field, '198.18.0.7');
    await screen.findByText('2 found.');
    await userEvent.keyboard('{ArrowDown}{Enter}');
    expect(page.location()).toBe('/logs?client=198.18.0.7');
    expect(page.asked('SearchHits').at(-1)).toEqual({ text: '198.18.0.7' });
  });

  test('offers the pages before anything is typed, and says when nothing is known', async () => {
    show(<Shell />, { SearchHits: { search: [] } }, elsewhere);
    await userEvent.keyboard('{Control>}k{/Control}');
    const list = await screen.findByRole('listbox');
    expect(within(list).getAllByRole('option')).toHaveLength(routes.length);
    await userEvent.type(screen.getByRole('combobox', { name: 'Search' }), 'zzz');
    expect(await screen.findByText('Nothing is known of “zzz”.')).toBeTruthy();
  });
});
