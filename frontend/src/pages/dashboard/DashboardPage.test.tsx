import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, test } from 'vitest';
import { show } from '../../testing/show';
import { DashboardPage } from './DashboardPage';

const now = Date.now();
const iso = (t: number) => new Date(t).toISOString();
const minuteAgo = (n: number) => iso(Math.floor(now / 60_000) * 60_000 - n * 60_000);
const quiet = { requests: 0, failedShare: 0, activeAlerts: 0, blockedClients: 0 };

const stats = (more: object = {}) => ({
  requestsPerSecond: 7.5,
  now: { requests: 1200, failedShare: 0.05, activeAlerts: 3, blockedClients: 2 },
  before: { requests: 1000, failedShare: 0.04, activeAlerts: 3, blockedClients: 5 },
  topEndpoints: [{ path: '/api/balance', requests: 900, failed: 9, refused: 0, took: 3.2 }],
  statusMix: [
    { status: 200, requests: 1140 },
    { status: 429, requests: 60 },
  ],
  ...more,
});
const point = (minute: number, requests: number) => ({
  at: minuteAgo(minute),
  requests,
  failed: 0,
  refused: 0,
  alerts: 0,
});
const alert = (id: string, more: object = {}) => ({
  id,
  title: 'Too many requests',
  severity: 'HIGH',
  status: 'OPEN',
  reason: '101 requests in 41 s; more than 100 within 60 s.',
  client: '198.18.0.7',
  actor: { label: '198.18.0.7', account: null, route: null },
  findings: 1,
  lastAt: iso(now),
  ...more,
});
const decision = (id: string, more: object = {}) => ({
  id,
  action: 'BLOCK',
  state: 'IN_FORCE',
  target: { label: '198.18.0.7', account: null, route: null, network: '198.18.0.7', keyPrefix: null },
  reason: 'Too many requests',
  origin: 'RULE',
  by: 'node-1',
  from: iso(now),
  until: iso(now + 300_000),
  liftedAt: null,
  ...more,
});
const connection = (key: string, nodes: object[]) => ({ [key]: { edges: nodes.map((node) => ({ node })) } });
const busy = {
  DashboardStats: { stats: stats() },
  DashboardTimeline: { points: [point(1, 40), point(0, 10)], minutes: [point(1, 40), point(0, 10)] },
  DashboardAlerts: connection('alerts', [alert('7')]),
  DashboardDecisions: connection('decisions', [decision('D-1')]),
};
const empty = {
  DashboardStats: {
    stats: stats({ requestsPerSecond: 0, now: quiet, before: quiet, topEndpoints: [], statusMix: [] }),
  },
  DashboardTimeline: { points: [point(1, 0), point(0, 0)], minutes: [] },
  DashboardAlerts: connection('alerts', []),
  DashboardDecisions: connection('decisions', []),
};
const panel = (name: string) => within(screen.getByRole('region', { name }));
const figure = (label: string) => screen.getByText(label).closest('div')?.textContent;

describe('the dashboard', () => {
  test('shows bones while it waits', () => {
    show(<DashboardPage />);
    expect(screen.getAllByRole('status', { name: 'Loading' }).length).toBeGreaterThan(3);
  });

  test('offers another try when there is no answer, and takes it', async () => {
    let away = true;
    show(<DashboardPage />, {
      ...busy,
      DashboardAlerts: () => {
        if (away) throw new Error('the database is away');
        return busy.DashboardAlerts;
      },
    });
    const alerts = panel('Alerts');
    expect(await alerts.findByText('The database is away')).toBeTruthy();
    away = false;
    await userEvent.click(alerts.getByRole('button', { name: 'Try again' }));
    expect(await alerts.findByText('Too many requests')).toBeTruthy();
  });

  test('says that there is nothing yet, and where to begin', async () => {
    show(<DashboardPage />, empty);
    expect(await screen.findByText('No traffic yet')).toBeTruthy();
    expect(screen.getByRole('link', { name: 'Start the simulator' }).getAttribute('href')).toBe('/simulator');
    expect(screen.getByText('No alerts')).toBeTruthy();
    expect(screen.getByText('No decisions')).toBeTruthy();
  });

  test('sets each figure against the hour before', async () => {
    show(<DashboardPage />, busy);
    await screen.findByText('Failed share');
    expect(figure('Requests')).toBe('Requests1,200+20% from 1,000');
    expect(figure('Failed share')).toBe('Failed share5%+1 pt from 4%');
    expect(figure('Active alerts')).toBe('Active alerts3as before');
    expect(figure('Blocked clients')).toBe('Blocked clients2−3 from 5');
  });

  test('paints an announced alert at once, before the query is asked again', async () => {
    const page = show(<DashboardPage />, { ...busy, DashboardAlerts: undefined });
    await screen.findByText('Failed share');
    act(() =>
      page.announce('DashboardAlertRaised', { alertRaised: alert('8', { title: 'Decoy path probed' }) }),
    );
    const link = screen.getByRole('link', { name: /Decoy path probed/ });
    expect(link.getAttribute('href')).toBe('/alerts/8');
  });

  test('asks for the alerts again after news, and shows each once', async () => {
    let known = [alert('7')];
    const page = show(<DashboardPage />, {
      ...busy,
      DashboardAlerts: () => connection('alerts', known),
    });
    const feed = await screen.findByRole('list', { name: 'Newest alerts' });
    known = [alert('8', { findings: 4 }), alert('7')];
    await act(async () =>
      page.announce('DashboardAlertRaised', { alertRaised: alert('8', { findings: 4 }) }),
    );
    await waitFor(() => expect(page.asked('DashboardAlerts')).toHaveLength(2));
    expect(within(feed).getAllByRole('listitem')).toHaveLength(2);
    expect(within(feed).getByText('4 findings')).toBeTruthy();
  });

  test('shows a decision as it is made, and as it is lifted', async () => {
    const page = show(<DashboardPage />, busy);
    const feed = await screen.findByRole('list', { name: 'Newest decisions' });
    act(() =>
      page.announce('DashboardDecisionChanged', {
        decisionChanged: decision('D-2', { by: 'mara', origin: 'OPERATOR', until: null }),
      }),
    );
    expect(within(feed).getByText(/by mara/).textContent).toBe('by mara, until lifted');
    act(() =>
      page.announce('DashboardDecisionChanged', {
        decisionChanged: decision('D-2', {
          by: 'mara',
          origin: 'OPERATOR',
          state: 'LIFTED',
          liftedAt: iso(now),
        }),
      }),
    );
    expect(within(feed).getByText(/by mara/).textContent).toBe('by mara, lifted');
    expect(within(feed).getAllByRole('listitem')).toHaveLength(2);
  });

  test('follows the figures as they change', async () => {
    const page = show(<DashboardPage />, busy);
    await screen.findByText('Failed share');
    act(() => page.announce('DashboardStatsChanged', { statsChanged: stats({ requestsPerSecond: 42 }) }));
    expect(figure('Requests a second, now')).toBe('Requests a second, now42');
  });

  test('moves the timeline with each tick', async () => {
    const page = show(<DashboardPage />, busy);
    expect(await screen.findByRole('img', { name: /50 passed/ })).toBeTruthy();
    act(() => page.announce('DashboardTicked', { timelineTicked: point(0, 25) }));
    expect(screen.getByRole('img', { name: /65 passed/ })).toBeTruthy();
  });

  test('asks for another window in steps that suit it', async () => {
    const page = show(<DashboardPage />, busy);
    await screen.findByRole('img', { name: /last hour/ });
    await userEvent.click(screen.getByRole('radio', { name: '24 h' }));
    expect(page.asked('DashboardTimeline').at(-1)).toEqual({ window: '24h', step: '15m' });
  });

  test('shows what strangers wrote as text', async () => {
    const path = '/<img src=x onerror=alert(1)>';
    const { container } = show(<DashboardPage />, {
      ...busy,
      DashboardStats: {
        stats: stats({ topEndpoints: [{ path, requests: 1, failed: 1, refused: 0, took: 1 }] }),
      },
      DashboardAlerts: connection('alerts', [alert('7', { reason: `GET ${path}` })]),
    });
    expect((await screen.findByRole('link', { name: path })).getAttribute('href')).toBe(
      `/logs?path=${encodeURIComponent(path)}`,
    );
    expect(container.querySelector('img[src]')).toBeNull();
  });
});
