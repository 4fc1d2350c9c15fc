import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, test } from 'vitest';
import { Route } from 'wouter';
import { refusal, show } from '../../testing/show';
import { LogsPage } from './LogsPage';

const start = Date.now() - 60_000;
const exchange = (n: number, more: object = {}) => ({
  id: String(1882562949000000000n + BigInt(n)),
  reference: `X-${n}`,
  at: new Date(start + n * 10).toISOString(),
  client: '198.18.0.7',
  keyPrefix: 'user_ke',
  account: null,
  route: null,
  would: null,
  flags: [],
  method: 'GET',
  path: `/api/balance/${n}`,
  status: 200,
  took: 1.5,
  refused: false,
  cause: null,
  monitored: false,
  ...more,
});
const page = (nodes: object[], more = false) => ({
  exchanges: {
    edges: nodes.map((node) => ({ node })),
    pageInfo: { endCursor: more ? 'further' : null, hasNextPage: more },
  },
});
const logs = (answers = {}, at = '/logs') =>
  show(
    <Route path="/logs/:id?">
      <LogsPage />
    </Route>,
    answers,
    { at },
  );
const list = () => screen.findByRole('list', { name: 'Requests, newest first' });
const paths = async () =>
  within(await list())
    .getAllByRole('link')
    .map((l) => l.textContent)
    .filter((t) => t?.startsWith('/'));
const seen = (exchanges: object[], skipped = 0) => ({ exchangesSeen: { exchanges, skipped } });

describe('the logs', () => {
  test('show bones while they wait', () => {
    logs();
    expect(screen.getByRole('heading', { level: 1, name: 'Logs' })).toBeTruthy();
    expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
  });

  test('offer another try when there is no answer, and take it', async () => {
    let away = true;
    logs({
      LogsPage: () => {
        if (away) throw new Error('the database is away');
        return page([exchange(1)]);
      },
    });
    expect(await screen.findByText('The database is away')).toBeTruthy();
    away = false;
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await paths()).toEqual(['/api/balance/1']);
  });

  test('say why nobody may see them', async () => {
    logs({ LogsPage: () => Promise.reject(refusal('DENIED', 'your role may not do that')) });
    expect(await screen.findByText('Your role may not do that')).toBeTruthy();
  });

  test('say that there is no traffic yet, and where to begin', async () => {
    logs({ LogsPage: page([]) });
    expect(await screen.findByText('No traffic yet')).toBeTruthy();
    expect(screen.getByRole('link', { name: 'Start the simulator' }).getAttribute('href')).toBe('/simulator');
  });

  test('say that nothing matches, and clear the filter', async () => {
    const shown = logs({ LogsPage: page([]) }, '/logs?status=5xx');
    expect(await screen.findByText('No request is like that')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Clear the filter' }));
    expect(shown.location()).toBe('/logs');
  });

  test('show what passes at once, and what was skipped', async () => {
    const shown = logs({ LogsPage: page([exchange(1)]) });
    await list();
    act(() => shown.announce('LogsSeen', seen([exchange(60), exchange(59)], 57)));
    expect(await paths()).toEqual(['/api/balance/60', '/api/balance/59', '/api/balance/1']);
    expect(screen.getByText('+57 skipped')).toBeTruthy();
  });

  test('hold still while paused, count what comes, and show it afterwards', async () => {
    const shown = logs({ LogsPage: page([exchange(1)]) });
    await list();
    await userEvent.click(screen.getByRole('button', { name: 'Pause' }));
    act(() => shown.announce('LogsSeen', seen([exchange(3), exchange(2)])));
    expect(await paths()).toEqual(['/api/balance/1']);
    await userEvent.click(screen.getByRole('button', { name: '2 new' }));
    expect(await paths()).toEqual(['/api/balance/3', '/api/balance/2', '/api/balance/1']);
    expect(screen.getByRole('button', { name: 'Pause' })).toBeTruthy();
  });

  test('are paused with a key, but not while somebody writes', async () => {
    logs({ LogsPage: page([exchange(1)]) });
    await list();
    await userEvent.type(screen.getByRole('searchbox', { name: 'Path' }), 'p');
    expect(screen.getByRole('button', { name: 'Pause' })).toBeTruthy();
    fireEvent.keyDown(document.body, { key: 'p' });
    expect(screen.getByRole('button', { name: 'Resume' })).toBeTruthy();
  });

  test('ask for older rows where the page before ended', async () => {
    const shown = logs({
      LogsPage: ({ after }: { after: string | null }) =>
        after ? page([exchange(2), exchange(1)]) : page([exchange(4), exchange(3)], true),
    });
    await userEvent.click(await screen.findByRole('button', { name: 'Older' }));
    await waitFor(async () => expect(await paths()).toHaveLength(4));
    expect(shown.asked('LogsPage').at(-1)).toEqual({ filter: {}, first: 100, after: 'further' });
    expect(screen.queryByRole('button', { name: 'Older' })).toBeNull();
  });

  test('search on by themselves while a rare filter finds nothing', async () => {
    let asked = 0;
    logs({ LogsPage: () => (++asked < 4 ? page([], true) : page([exchange(1)])) }, '/logs?status=418');
    expect(await paths()).toEqual(['/api/balance/1']);
    expect(asked).toBe(4);
  });

  test('take the filter from the address, for the list, the news and the files', async () => {
    const shown = logs(
      { LogsPage: page([exchange(1)]) },
      '/logs?client=198.18.0.0/15&status=4xx&method=POST&refused=true&path=/api',
    );
    await list();
    expect(shown.asked('LogsPage')[0]?.filter).toEqual({
      client: '198.18.0.0/15',
      path: '/api',
      methods: ['POST'],
      statusClass: 4,
      refused: true,
    });
    expect(screen.getByRole('link', { name: 'Export as CSV' }).getAttribute('href')).toBe(
      '/api/export/exchanges.csv?client=198.18.0.0%2F15&path=%2Fapi&methods=POST&statusClass=4&refused=true',
    );
  });

  test('do not listen for news of a span that is over', async () => {
    const shown = logs(
      { LogsPage: page([exchange(1)]) },
      '/logs?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z',
    );
    await list();
    act(() => shown.announce('LogsSeen', seen([exchange(2)])));
    expect(await paths()).toEqual(['/api/balance/1']);
    expect(screen.queryByRole('button', { name: 'Pause' })).toBeNull();
  });

  test('put what is chosen into the address', async () => {
    const shown = logs({ LogsPage: page([exchange(1)]) });
    await list();
    fireEvent.click(screen.getByText('POST'));
    fireEvent.click(screen.getByText('Refused only'));
    expect(shown.location()).toBe('/logs?method=POST&refused=true');
  });

  test('say what is wrong with an address, and follow it once it is one', async () => {
    const shown = logs({ LogsPage: page([exchange(1)]) });
    await list();
    const client = screen.getByLabelText('Client');
    fireEvent.change(client, { target: { value: '198.18.0.9/24' } });
    expect(await screen.findByText(/198.18.0.0\/24 is the network/)).toBeTruthy();
    expect(shown.location()).toBe('/logs');
    fireEvent.change(client, { target: { value: '198.18.0.9' } });
    await waitFor(() => expect(shown.location()).toBe('/logs?client=198.18.0.9'));
  });

  test('open a request with its receipt', async () => {
    const refused = exchange(1, { status: 403, refused: true, cause: 'honeypot' });
    logs({
      LogsPage: page([refused]),
      LogsOpened: { exchange: { ...refused, bytes: 261, userAgent: '<b>sqlmap</b>' } },
      LogsReceipt: {
        receipt: {
          reference: 'X-1',
          terms: { rule: 'rate-abuse', version: 1, limit: 100, windowSeconds: 60 },
          count: 101,
          times: [],
          evidence: {
            seen: [],
            parts: [],
            unless: 'It would not have fired for 100 or fewer.',
            account: null,
            userAgent: null,
            country: null,
            asn: null,
            tokens: [],
          },
          recomputed: true,
          explanation: 'Counted again: 101 times.',
          summary: 'The rule honeypot blocked 198.18.0.7.',
          undo: 'Lift D-7 under IP management.',
          decision: {
            id: 'D-7',
            action: 'BLOCK',
            state: 'IN_FORCE',
            until: null,
            origin: 'RULE',
            target: {
              label: '198.18.0.7',
              account: null,
              route: null,
              network: '198.18.0.7',
              keyPrefix: null,
            },
          },
          alert: { id: '9', title: 'Decoy path probed', severity: 'CRITICAL', status: 'OPEN' },
          exchanges: [],
        },
      },
    });
    await userEvent.click(await screen.findByRole('link', { name: '/api/balance/1' }));
    expect(await screen.findByText('<b>sqlmap</b>')).toBeTruthy();
    expect(await screen.findByText('The rule honeypot blocked 198.18.0.7.')).toBeTruthy();
    expect(screen.getByText('It would not have fired for 100 or fewer.')).toBeTruthy();
    expect(screen.getByRole('link', { name: /D-7/ }).getAttribute('href')).toBe('/ip-management/D-7');
    expect(screen.getByRole('link', { name: /Decoy path probed/ }).getAttribute('href')).toBe('/alerts/9');
    expect(screen.getByRole('link', { name: 'Decisions and figures' }).getAttribute('href')).toBe(
      '/ip-management?q=198.18.0.7&client=198.18.0.7',
    );
  });

  test('show the account, what was odd, and what would have been refused', async () => {
    const x = exchange(1, { account: 'alice', would: 'rate-abuse', flags: ['duplicate_key'], status: 0 });
    const shown = logs({
      LogsPage: page([x]),
      LogsOpened: {
        exchange: { ...x, route: '/api/balance/{id}', sessionPrefix: 'sid_7', bytes: 0, userAgent: '' },
      },
    });
    const row = within(await list());
    expect(row.getByText('would have been refused: rate-abuse')).toBeTruthy();
    expect(row.getByText('odd: its body names the account twice')).toBeTruthy();
    expect(row.getByText('–')).toBeTruthy();
    await userEvent.click(row.getByRole('link', { name: '/api/balance/1' }));
    expect(await screen.findByText('/api/balance/{id}')).toBeTruthy();
    expect(screen.getByText('Would have').parentElement?.textContent).toContain('rate-abuse');
    expect(screen.getByText(/its answer is not known/)).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Only this account' }));
    expect(shown.location()).toBe(`/logs/${x.id}?account=alice`);
  });

  test('follow the account that is typed', async () => {
    const shown = logs({ LogsPage: page([exchange(1)]) });
    await list();
    fireEvent.change(screen.getByLabelText('Account'), { target: { value: ' Alice ' } });
    await waitFor(() => expect(shown.location()).toBe('/logs?account=Alice'));
    await waitFor(() => expect(shown.asked('LogsPage').at(-1)?.filter).toEqual({ account: 'Alice' }));
  });

  test('offer a viewer no way to act on a client', async () => {
    const x = exchange(1);
    const viewer = { name: 'vera', role: 'VIEWER', demo: false } as const;
    const answers = { LogsPage: page([x]), LogsOpened: { exchange: { ...x, bytes: 1, userAgent: 'curl' } } };
    show(
      <Route path="/logs/:id?">
        <LogsPage />
      </Route>,
      answers,
      { at: `/logs/${x.id}`, operator: viewer },
    );
    expect(await screen.findByText('Decisions and figures')).toBeTruthy();
    expect(screen.queryByText('Block, allow or monitor it…')).toBeNull();
  });

  test('say that a request is not kept any more', async () => {
    logs({ LogsPage: page([]), LogsOpened: { exchange: null } }, '/logs/12');
    expect(await screen.findByText('This request is not kept any more')).toBeTruthy();
  });
});
