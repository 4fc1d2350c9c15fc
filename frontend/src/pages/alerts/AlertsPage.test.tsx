import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';
import { Route } from 'wouter';
import { refusal, show } from '../../testing/show';
import { Toasts } from '../../ui/Toasts';
import { AlertsPage } from './AlertsPage';
import { at, block, pageOf, row } from './testing';

const page = (
  <>
    <Route path="/alerts/:id?">
      <AlertsPage />
    </Route>
    <Toasts />
  </>
);
const open = (answers: Record<string, unknown>, address = '/alerts') => show(page, answers, { at: address });
const list = () => screen.findByRole('list', { name: /^Alerts/ });
const titles = async () => within(await list()).getAllByRole('link');

function scrollTo(y: number) {
  act(() => {
    Object.defineProperty(window, 'scrollY', { value: y, configurable: true });
    fireEvent.scroll(window);
  });
}
afterEach(() => Object.defineProperty(window, 'scrollY', { value: 0, configurable: true }));

test('waits with bones', () => {
  open({});
  expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
});

test('offers another try when there is no answer', async () => {
  let tries = 0;
  open({
    AlertsPage: () => {
      tries++;
      if (tries === 1) throw new Error('the database is away');
      return pageOf([row('7')]);
    },
  });
  expect(await screen.findByText('The database is away')).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await titles()).toHaveLength(1);
});

test('points to the simulator when there never was an alert', async () => {
  open({ AlertsPage: pageOf([]), AlertsEver: pageOf([]) });
  const link = await screen.findByRole('link', { name: 'Launch an attack in the simulator' });
  expect(link.getAttribute('href')).toBe('/simulator');
});

test('says that all is clear when everything is resolved', async () => {
  const shown = open({ AlertsPage: pageOf([]), AlertsEver: pageOf([], 9) });
  expect(await screen.findByText('All clear: no alert is open')).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'See what was resolved' }));
  expect(shown.location()).toBe('/alerts?status=resolved');
});

test('a filter that nothing fits can be cleared', async () => {
  const shown = open({ AlertsPage: pageOf([]), AlertsEver: pageOf([], 9) }, '/alerts?severity=low&q=zzz');
  await userEvent.click(await screen.findByRole('button', { name: 'Clear the filter' }));
  expect(shown.location()).toBe('/alerts');
});

test('lists alerts with their number, each a link that keeps the filter', async () => {
  open(
    { AlertsPage: pageOf([row('7'), row('8', { title: 'Decoy path touched' })], 213) },
    '/alerts?status=all',
  );
  const links = await titles();
  expect(links.map((l) => l.textContent)).toEqual(['Too many requests', 'Decoy path touched']);
  expect(links[0]?.getAttribute('href')).toBe('/alerts/7?status=all');
  expect(screen.getByText('213 alerts')).toBeTruthy();
});

test('asks the server for what the address says', async () => {
  const shown = open(
    { AlertsPage: pageOf([row('7')]) },
    '/alerts?severity=high,critical&status=resolved&q=decoy&incident=5',
  );
  await list();
  expect(shown.asked('AlertsPage')[0]).toEqual({
    filter: { severities: ['CRITICAL', 'HIGH'], status: 'RESOLVED', text: 'decoy', incident: '5' },
  });
});

test('what is chosen goes into the address', async () => {
  const shown = open({ AlertsPage: pageOf([row('7')]) });
  await list();
  await userEvent.click(screen.getByRole('button', { name: 'Critical' }));
  await userEvent.click(screen.getByRole('button', { name: 'Low' }));
  expect(shown.location()).toBe('/alerts?severity=critical,low');
  expect(screen.getByRole('button', { name: 'Low' }).getAttribute('aria-pressed')).toBe('true');
  await userEvent.click(screen.getByRole('radio', { name: 'All' }));
  await userEvent.type(screen.getByRole('searchbox', { name: 'Search in alerts' }), 'decoy');
  await waitFor(() => expect(shown.location()).toBe('/alerts?severity=critical,low&status=all&q=decoy'));
});

test('paints what is raised at once, whatever the server still answers', async () => {
  const shown = open({ AlertsPage: pageOf([row('7')]) });
  await list();
  act(() => shown.announce('AlertsRaised', { alertRaised: row('8', { title: 'Decoy path touched' }) }));
  expect((await titles()).map((l) => l.textContent)).toEqual(['Decoy path touched', 'Too many requests']);
  expect(screen.getByText('2 open alerts')).toBeTruthy();
});

test('an alert that has arrived is not shown twice once the server lists it', async () => {
  const known = [row('7')];
  const shown = open({ AlertsPage: () => pageOf([...known]) });
  await list();
  known.unshift(row('8'));
  act(() => shown.announce('AlertsRaised', { alertRaised: row('8') }));
  await waitFor(() => expect(shown.asked('AlertsPage')).toHaveLength(2));
  await waitFor(() => expect(screen.getByText('2 open alerts')).toBeTruthy());
  expect(await titles()).toHaveLength(2);
});

test('more at once than a page holds keeps its order and its number', async () => {
  const some = (n: number) => row(String(n), { title: `Alert ${n}`, firstAt: at(n), lastAt: at(n) });
  let answer = pageOf([some(1), some(0)], 2);
  const shown = open({ AlertsPage: () => answer });
  await list();
  answer = pageOf([some(5), some(4)], 6, 'c4'); // a page holds two
  act(() => {
    for (const n of [2, 3, 4, 5]) shown.announce('AlertsRaised', { alertRaised: some(n) });
  });
  expect(await screen.findByRole('button', { name: 'Load older' })).toBeTruthy();
  expect((await titles()).map((l) => l.textContent)).toEqual(['Alert 5', 'Alert 4']);
  expect(screen.getByText('6 open alerts')).toBeTruthy();
});

test('what changes is asked for again', async () => {
  let status: 'OPEN' | 'RESOLVED' = 'OPEN';
  const shown = open({ AlertsPage: () => pageOf([row('7', { status })]) }, '/alerts?status=all');
  await list();
  status = 'RESOLVED';
  act(() => shown.announce('AlertsChanged', { alertChanged: row('7', { status }) }));
  expect(await within(await list()).findByText('Resolved')).toBeTruthy();
});

test('holds still for a reader who has scrolled away, and says how many are new', async () => {
  const known = [row('7')];
  const shown = open({ AlertsPage: () => pageOf([...known]) });
  await list();
  scrollTo(900);
  known.unshift(row('9'), row('8'));
  act(() => shown.announce('AlertsRaised', { alertRaised: row('8') }));
  act(() => shown.announce('AlertsRaised', { alertRaised: row('9') }));
  const pill = await screen.findByRole('button', { name: '2 new' });
  expect(await titles()).toHaveLength(1);
  expect(shown.asked('AlertsPage')).toHaveLength(1);
  await userEvent.click(pill);
  scrollTo(0);
  await waitFor(async () => expect(await titles()).toHaveLength(3));
  expect(screen.queryByRole('button', { name: '2 new' })).toBeNull();
});

test('tells of what is raised outside the filter', async () => {
  const shown = open({ AlertsPage: pageOf([row('7', { severity: 'MEDIUM' })]) }, '/alerts?severity=medium');
  await list();
  act(() => shown.announce('AlertsRaised', { alertRaised: row('8', { severity: 'CRITICAL' }) }));
  expect(await screen.findByText(/1 new outside this filter/)).toBeTruthy();
  expect(await titles()).toHaveLength(1);
  await userEvent.click(screen.getByRole('button', { name: 'Show all open alerts' }));
  expect(shown.location()).toBe('/alerts');
});

test('loads older alerts after the last one', async () => {
  const shown = open({
    AlertsPage: ({ after }: { after?: string }) =>
      after === 'c7' ? pageOf([row('6')], 2) : pageOf([row('7')], 2, 'c7'),
  });
  await list();
  expect(screen.getByText('1 of 2')).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'Load older' }));
  await waitFor(async () => expect(await titles()).toHaveLength(2));
  expect(screen.queryByRole('button', { name: 'Load older' })).toBeNull();
  expect(shown.asked('AlertsPage').at(-1)?.after).toBe('c7');
});

test('the arrow keys walk, Enter opens, Escape closes and the focus comes back', async () => {
  const shown = open({
    AlertsPage: pageOf([row('7'), row('8'), row('9')]),
    AlertOpened: { alert: null, rules: [] },
  });
  const [first, second, third] = await titles();
  first?.focus();
  await userEvent.keyboard('{ArrowDown}');
  expect(document.activeElement).toBe(second);
  await userEvent.keyboard('{End}');
  expect(document.activeElement).toBe(third);
  await userEvent.keyboard('{ArrowUp}{Enter}');
  expect(shown.location()).toBe('/alerts/8');
  const name = await screen.findByRole('heading', { name: 'Alert' });
  await waitFor(() => expect(document.activeElement).toBe(name));
  await userEvent.keyboard('{Escape}');
  expect(shown.location()).toBe('/alerts');
  await waitFor(() => expect(document.activeElement?.getAttribute('data-row')).toBe('8'));
});

test('Tab reaches one row, not all of them', async () => {
  open({ AlertsPage: pageOf([row('7'), row('8')]) });
  const links = await titles();
  expect(links.map((l) => l.tabIndex)).toEqual([0, -1]);
});

test('several are resolved together, with what they led to', async () => {
  const alerts = [row('7', { decision: block('D-7') }), row('8'), row('9')];
  const shown = open({ AlertsPage: pageOf(alerts), ResolveAlerts: { resolve: [] } });
  await list();
  await userEvent.click(screen.getByRole('checkbox', { name: 'Select Too many requests, 198.51.100.7' }));
  (await titles())[1]?.focus();
  await userEvent.keyboard(' ');
  expect(screen.getByText('2 selected')).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'Resolve…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Resolve 2 alerts?' });
  expect(within(dialog).getByText('1 block is in force because of this')).toBeTruthy();
  await userEvent.click(within(dialog).getByRole('radio', { name: /^Lift the block/ }));
  await userEvent.click(within(dialog).getByRole('button', { name: 'Resolve and lift' }));
  await waitFor(() => expect(shown.asked('ResolveAlerts')).toEqual([{ ids: ['7', '8'], lift: true }]));
  expect(await screen.findByText('2 alerts are resolved, and what they led to is lifted.')).toBeTruthy();
  expect(screen.queryByText('2 selected')).toBeNull();
});

test('what can not be resolved stays selected, and says why', async () => {
  open({
    AlertsPage: pageOf([row('7')]),
    ResolveAlerts: () => {
      throw refusal('INTERNAL', 'x', { reference: 'E-1' });
    },
  });
  await list();
  await userEvent.click(screen.getByRole('checkbox', { name: 'Select all shown' }));
  await userEvent.click(screen.getByRole('button', { name: 'Resolve…' }));
  const dialog = await screen.findByRole('dialog');
  expect(within(dialog).queryByRole('radio')).toBeNull(); // nothing is blocked: nothing to ask
  await userEvent.click(within(dialog).getByRole('button', { name: 'Resolve' }));
  expect((await within(dialog).findByRole('alert')).textContent).toMatch(/Reference E-1/);
  expect(screen.getByText('1 selected')).toBeTruthy();
});

test('resolved alerts can not be selected', async () => {
  open({ AlertsPage: pageOf([row('7', { status: 'RESOLVED' })]) }, '/alerts?status=all');
  await list();
  expect(screen.queryByRole('checkbox')).toBeNull();
});

test('shows what strangers wrote as text', async () => {
  const evil = '<img src=x onerror=alert(1)>';
  const { container } = open({ AlertsPage: pageOf([row('7', { reason: evil, path: evil })]) });
  await list();
  expect(screen.getByText(evil)).toBeTruthy();
  expect(container.querySelector('img')).toBeNull();
});

test('lets a viewer look, not select', async () => {
  show(
    page,
    { AlertsPage: pageOf([row('7')]) },
    { at: '/alerts', operator: { name: 'vera', role: 'VIEWER', demo: false } },
  );
  expect(await titles()).toHaveLength(1);
  expect(screen.queryByRole('checkbox')).toBeNull();
});

test('leads to the simulator in the demo only', async () => {
  const analyst = { name: 'ana', role: 'ANALYST', demo: false } as const;
  const answers = { AlertsPage: pageOf([]), AlertsEver: { alerts: { totalCount: 0 } } };
  const serious = show(page, answers, { at: '/alerts', operator: analyst });
  await screen.findByText('No alert so far');
  expect(screen.queryByRole('link', { name: /simulator/ })).toBeNull();
  serious.unmount();
  open(answers);
  expect(await screen.findByRole('link', { name: /simulator/ })).toBeTruthy();
});
