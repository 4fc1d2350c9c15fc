import { act, cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Route } from 'wouter';
import { refusal, show } from '../../testing/show';
import { Toasts } from '../../ui/Toasts';
import { dismiss } from '../../ui/toasts';
import { IPManagementPage } from './IPManagementPage';

const iso = (fromNow: number) => new Date(Date.now() + fromNow).toISOString();
const decision = (n: number, more: object = {}) => ({
  id: `D-${n}`,
  action: 'BLOCK',
  target: {
    label: `198.51.100.${n}`,
    network: `198.51.100.${n}`,
    keyPrefix: null,
    account: null,
    route: null,
  },
  reason: 'Card testing',
  origin: 'OPERATOR',
  rule: null,
  by: 'mara',
  from: iso(-60_000),
  until: iso(290_000),
  state: 'IN_FORCE',
  liftedAt: null,
  liftedBy: null,
  hammering: null,
  ...more,
});
type Decision = ReturnType<typeof decision>;
const page = (nodes: object[]) => ({
  decisions: {
    totalCount: nodes.length,
    edges: nodes.map((node) => ({ node })),
    pageInfo: { endCursor: null, hasNextPage: false },
  },
});
const counts = (all: number) =>
  Object.fromEntries(['all', 'block', 'allow', 'monitor'].map((k) => [k, { totalCount: all }]));
const client = {
  client: {
    address: '198.51.100.7',
    network: '198.51.100.7',
    requests: 1234,
    failed: 56,
    refused: 7,
    lastAt: iso(-5_000),
    decisions: [],
    alerts: [{ id: '3', title: 'Too many requests', severity: 'HIGH', status: 'OPEN', lastAt: iso(-9_000) }],
    exchanges: [],
  },
};
const known = (nodes: object[]) => ({
  IpPage: page(nodes),
  IpCounts: counts(nodes.length),
  IpCovering: page([]),
});
const viewer = { name: 'vera', role: 'VIEWER', demo: false } as const;
const manage = (answers = {}, at = '/ip-management', more: Parameters<typeof show>[2] = {}) =>
  show(
    <>
      <Route path="/ip-management/:id?">
        <IPManagementPage />
      </Route>
      <Toasts />
    </>,
    answers,
    { at, ...more },
  );
const list = () => screen.findByRole('list', { name: 'Decisions, newest first' });
const targets = async () =>
  within(await list())
    .getAllByRole('link')
    .map((l) => l.textContent);
const press = (text: string) =>
  fireEvent.click(screen.getByText(text).closest('button') ?? screen.getByText(text));
const write = (label: string, value: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value } });

afterEach(() => act(() => Array.from({ length: 500 }, (_, i) => i).forEach(dismiss)));

describe('the list', () => {
  test('shows bones while it waits', () => {
    manage();
    expect(screen.getByRole('heading', { level: 1, name: 'IP management' })).toBeTruthy();
    expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
  });

  test('offers another try when there is no answer, and takes it', async () => {
    let away = true;
    manage({
      ...known([]),
      IpPage: () => {
        if (away) throw new Error('the database is away');
        return page([decision(7)]);
      },
    });
    expect(await screen.findByText('The database is away')).toBeTruthy();
    away = false;
    fireEvent.click(screen.getByText('Try again'));
    expect(await targets()).toEqual(['198.51.100.7']);
  });

  test('says that nobody is blocked, and that nothing covers an address', async () => {
    manage(known([]));
    expect(await screen.findByText('Nobody is blocked, allowed or watched')).toBeTruthy();
    write('Search in decisions', '203.0.113.9');
    expect(await screen.findByText('Nothing covers 203.0.113.9')).toBeTruthy();
  });

  test('shows what, whom, why, who and until when', async () => {
    manage(known([decision(7), decision(8, { origin: 'RULE', rule: 'rate-abuse', until: null })]));
    const [first, second] = within(await list()).getAllByRole('listitem');
    expect(first?.textContent).toMatch(/Block198.51.100.7Card testingOperatormara1 min ago4 min \d+ s left/);
    expect(second?.textContent).toMatch(/Rulerate-abuse.*until lifted/);
  });

  test('asks for what covers an address, and keeps it in the address bar', async () => {
    const shown = manage(known([decision(7)]));
    await list();
    write('Search in decisions', '198.51.100.7');
    await waitFor(() => expect(shown.location()).toBe('/ip-management?q=198.51.100.7'));
    expect(shown.asked('IpPage').at(-1)?.filter).toEqual({ state: 'IN_FORCE', covers: '198.51.100.7' });
    fireEvent.click(screen.getByText('Blacklist'));
    expect(shown.location()).toBe('/ip-management?action=block&q=198.51.100.7');
    expect(screen.getByRole('link', { name: 'Export as JSON' }).getAttribute('href')).toBe(
      '/api/export/decisions.json?state=IN_FORCE&actions=BLOCK&covers=198.51.100.7',
    );
  });

  test('drops what is lifted elsewhere at once', async () => {
    const shown = manage(known([decision(7), decision(8)]));
    expect(await targets()).toHaveLength(2);
    act(() =>
      shown.announce('IpChanged', {
        decisionChanged: decision(7, { state: 'LIFTED', liftedAt: iso(0), liftedBy: 'ola' }),
      }),
    );
    expect(await targets()).toEqual(['198.51.100.8']);
  });

  test('lets a viewer look, not change', async () => {
    manage(known([decision(7)]), '/ip-management?add=198.51.100.9', { operator: viewer });
    await list();
    expect(screen.queryByRole('checkbox')).toBeNull();
    expect(screen.queryByRole('button', { name: /^Lift/ })).toBeNull();
    expect(screen.queryByText('Add address')).toBeNull();
    expect(screen.queryByRole('dialog')).toBeNull();
  });
});

describe('lifting', () => {
  test('asks first, lifts several at once, and offers the way back', async () => {
    let rows = [decision(7), decision(8, { action: 'ALLOW', until: null })];
    const shown = manage({
      ...known([]),
      IpPage: () => page(rows),
      IpLift: () => {
        const lifted = rows;
        rows = [];
        return { lift: { lifted } };
      },
      IpBlock: { decision: decision(7) },
      IpAllow: { decision: decision(8) },
    });
    await list();
    fireEvent.click(screen.getByLabelText('Select all shown'));
    fireEvent.click(screen.getByText('Lift 2…'));
    const dialog = within(await screen.findByRole('dialog'));
    expect(shown.asked('IpLift')).toEqual([]);
    fireEvent.click(dialog.getByText('Lift 2'));
    expect(await screen.findByText('2 decisions are lifted.')).toBeTruthy();
    expect(shown.asked('IpLift')).toEqual([{ ids: ['D-7', 'D-8'] }]);
    fireEvent.click(screen.getByText('Undo'));
    expect(await screen.findByText('2 decisions are in force again.')).toBeTruthy();
    const [again] = shown.asked('IpBlock') as [{ input: { target: string; duration: string } }];
    expect(again.input.target).toBe('198.51.100.7');
    expect(Number.parseInt(again.input.duration, 10)).toBeGreaterThan(280);
    expect(shown.asked('IpAllow')).toEqual([
      { input: { target: '198.51.100.8', reason: 'Card testing', duration: null } },
    ]);
  });

  test('says what went wrong where it was asked', async () => {
    manage({
      ...known([decision(7)]),
      IpLift: () => Promise.reject(refusal('DENIED', 'your role may not do that')),
    });
    await list();
    fireEvent.click(screen.getByLabelText('Lift 198.51.100.7'));
    fireEvent.click(within(await screen.findByRole('dialog')).getByText('Lift'));
    expect(await within(screen.getByRole('dialog')).findByText('Your role may not do that')).toBeTruthy();
  });
});

describe('the form', () => {
  test('says what is covered as it is typed, and places it', async () => {
    const shown = manage(
      { ...known([]), IpBlock: { decision: decision(0, { from: iso(0) }) } },
      '/ip-management?add=',
    );
    await screen.findByRole('dialog');
    write('Address or network', '203.0.113.0/24');
    expect(await screen.findByText('256 addresses')).toBeTruthy();
    write('Reason', 'Card testing, ticket 4711');
    fireEvent.click(screen.getByText('7 d'));
    press('Block 203.0.113.0/24');
    await waitFor(() =>
      expect(shown.asked('IpBlock')).toEqual([
        { input: { target: '203.0.113.0/24', reason: 'Card testing, ticket 4711', duration: '7d' } },
      ]),
    );
    await waitFor(() => expect(shown.location()).toBe('/ip-management'));
  });

  test('offers what may be meant when bits stand beyond the length', async () => {
    manage(known([]), '/ip-management?add=203.0.113.9%2F24');
    expect(await screen.findByText('203.0.113.0/24 is the network, 203.0.113.9 the address.')).toBeTruthy();
    fireEvent.click(screen.getByText('203.0.113.0/24'));
    expect(await screen.findByText('256 addresses')).toBeTruthy();
  });

  test('does not ask the server about what is no address', async () => {
    const shown = manage(known([]), '/ip-management?add=bank');
    const dialog = await screen.findByRole('dialog');
    fireEvent.submit(dialog.querySelector('form') as HTMLFormElement);
    expect(screen.getByText(/Write an address or a network/)).toBeTruthy();
    expect(shown.asked('IpBlock')).toEqual([]);
  });

  test('shows what the server refuses at its field', async () => {
    manage(
      {
        ...known([]),
        IpBlock: () =>
          Promise.reject(
            refusal('INVALID', 'input.target covers the address that you work from, and would lock you out', {
              field: 'input.target',
            }),
          ),
      },
      '/ip-management?add=203.0.113.9',
    );
    await screen.findByText('Block 203.0.113.9');
    press('Block 203.0.113.9');
    expect(
      await screen.findByText('Covers the address that you work from, and would lock you out.'),
    ).toBeTruthy();
    expect(screen.getByLabelText('Address or network').getAttribute('aria-invalid')).toBe('true');
  });

  test('says what is in force about the address already', async () => {
    manage(
      { ...known([]), IpCovering: page([decision(7, { action: 'ALLOW', until: null })]) },
      '/ip-management?add=198.51.100.7',
    );
    expect(await screen.findByText(/Allow beats block/)).toBeTruthy();
  });
});

describe('what is opened', () => {
  const receipt = (d: Decision) => ({
    receipt: {
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
      summary: 'The rule rate-abuse blocked 198.51.100.7.',
      undo: 'Lift D-7 under IP management.',
      decision: d,
      alert: { id: '3', title: 'Too many requests', severity: 'HIGH', status: 'OPEN', reason: '101 in 41 s' },
      exchanges: [],
    },
  });

  test('is a decision with its receipt, its alert and its client', async () => {
    manage(
      {
        ...known([decision(7)]),
        IpOpened: receipt(decision(7, { origin: 'RULE', rule: 'rate-abuse' })),
        IpClient: client,
      },
      '/ip-management/D-7',
    );
    expect(await screen.findByText('The rule rate-abuse blocked 198.51.100.7.')).toBeTruthy();
    expect(screen.getByText('It would not have fired for 100 or fewer.')).toBeTruthy();
    expect(await screen.findByText('1,234')).toBeTruthy();
    expect(screen.getAllByRole('link', { name: /Too many requests/ })[0]?.getAttribute('href')).toBe(
      '/alerts/3',
    );
  });

  test('tells how often whom it refuses asked meanwhile, and asks again while he may', async () => {
    const every = vi.spyOn(globalThis, 'setInterval');
    const answers = [3, 1204].map((requests) =>
      receipt(decision(7, { hammering: { requests, lastAt: iso(-120_000) } })),
    );
    const shown = manage(
      {
        ...known([decision(7)]),
        IpOpened: () => answers[shown.asked('IpOpened').length > 1 ? 1 : 0],
        IpClient: client,
      },
      '/ip-management/D-7',
    );
    const since = await screen.findByText('Refused since');
    expect(since.nextSibling?.textContent).toMatch(/^3 requests, the last 2 min ago$/);
    const again = every.mock.calls.find(([, after]) => after === 10_000)?.[0];
    act(() => again?.());
    await waitFor(() => expect(since.nextSibling?.textContent).toMatch(/^1,204 requests/));
    every.mockRestore();
  });

  test('says when whom it blocks never came back, and nothing of the kind where nobody is refused', async () => {
    manage(
      { ...known([decision(7)]), IpOpened: receipt(decision(7)), IpClient: client },
      '/ip-management/D-7',
    );
    expect((await screen.findByText('Refused since')).nextSibling?.textContent).toBe('nothing');
    cleanup();
    const watched = decision(8, { action: 'MONITOR' });
    manage({ ...known([watched]), IpOpened: receipt(watched), IpClient: client }, '/ip-management/D-8');
    await screen.findByText('Who says so', { selector: 'dt' });
    expect(screen.queryByText('Refused since')).toBeNull();
  });

  test('is a decision about an account, whose traffic is listed by its name', async () => {
    const target = {
      label: 'account "eve\u202E<b>"',
      network: null,
      keyPrefix: null,
      account: 'eve\u202E<b>',
      route: null,
    };
    const about = decision(7, { origin: 'RULE', rule: 'guessed-account', target });
    manage({ ...known([about]), IpOpened: receipt(about) }, '/ip-management/D-7');
    expect((await screen.findByRole('link', { name: 'Its traffic' })).getAttribute('href')).toBe(
      '/logs?account=eve%E2%80%AE%3Cb%3E',
    );
    expect(screen.queryByRole('button', { name: /Decide/ })).toBeNull();
    expect(screen.getByRole('link', { name: 'account eve\u202E<b>' })).toBeTruthy();
  });

  test('is a client when an address is chosen', async () => {
    const shown = manage(
      { ...known([]), IpClient: client },
      '/ip-management?q=198.51.100.7&client=198.51.100.7',
    );
    expect(await screen.findByText('No decision covers it.')).toBeTruthy();
    fireEvent.click(screen.getByLabelText('Close'));
    expect(shown.location()).toBe('/ip-management?q=198.51.100.7');
  });

  test('says so when there is no such decision', async () => {
    manage({ ...known([]), IpOpened: { receipt: null } }, '/ip-management/D-NONE');
    expect(await screen.findByText('There is no decision with that reference')).toBeTruthy();
  });
});
