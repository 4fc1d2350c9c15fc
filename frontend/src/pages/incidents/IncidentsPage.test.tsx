import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { Route } from 'wouter';
import type { IncidentAlertFragment } from '../../gql/IncidentAlert';
import { show } from '../../testing/show';
import { Toasts } from '../../ui/Toasts';
import { IncidentsPage } from './IncidentsPage';
import { alert, at, block, pageOf, row } from './testing';

const open = (answers: Record<string, unknown>, at = '/incidents') =>
  show(
    <>
      <Route path="/incidents/:id?">
        <IncidentsPage />
      </Route>
      <Toasts />
    </>,
    answers,
    { at },
  );
const list = () => screen.findByRole('list', { name: /^Incidents/ });
const opened = (
  more: object = {},
  alerts = [alert('8', { severity: 'CRITICAL', decision: block('D-8') }), alert('7')],
) => ({
  IncidentsPage: pageOf([row('42')]),
  IncidentOpened: { incident: { ...row('42'), alerts, ...more } },
});

test('waits with bones', () => {
  open({});
  expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
});

test('offers another try when there is no answer', async () => {
  open({
    IncidentsPage: () => {
      throw new Error('the database is away');
    },
  });
  expect(await screen.findByRole('button', { name: 'Try again' })).toBeTruthy();
});

test('points to the simulator when there never was an incident', async () => {
  open({ IncidentsPage: pageOf([]), IncidentsEver: pageOf([]) });
  const link = await screen.findByRole('link', { name: 'Launch an attack in the simulator' });
  expect(link.getAttribute('href')).toBe('/simulator');
});

test('says that none is open when all are resolved', async () => {
  const shown = open({ IncidentsPage: pageOf([]), IncidentsEver: pageOf([], 3) });
  await userEvent.click(await screen.findByRole('button', { name: 'See what was resolved' }));
  expect(shown.location()).toBe('/incidents?status=resolved');
});

test('lists incidents with what joined them and how many took part', async () => {
  open(
    { IncidentsPage: pageOf([row('42', { alertCount: 12, clientCount: 1 })], 30) },
    '/incidents?status=all',
  );
  const item = within(await list()).getByRole('listitem');
  expect(item.textContent).toMatch(
    /High.*INC-42.*Attack 42.*Joined by network 198\.51\.100\.0\/24.*12 alerts.*1 client/,
  );
  expect(within(item).getByRole('link').getAttribute('href')).toBe('/incidents/42?status=all');
  expect(screen.getByText('30 incidents')).toBeTruthy();
});

test('the status is asked for and stands in the address', async () => {
  const shown = open({ IncidentsPage: pageOf([row('42')]) });
  await list();
  expect(shown.asked('IncidentsPage')).toEqual([{ status: 'OPEN' }]);
  await userEvent.click(screen.getByRole('radio', { name: 'All' }));
  expect(shown.location()).toBe('/incidents?status=all');
  await waitFor(() => expect(shown.asked('IncidentsPage').at(-1)).toEqual({}));
});

test('asks again when an incident has changed', async () => {
  let count = 2;
  const shown = open({ IncidentsPage: () => pageOf([row('42', { alertCount: count })]) });
  await list();
  count = 5;
  act(() => shown.announce('IncidentsChanged', { incidentChanged: row('42', { alertCount: 5 }) }));
  expect(await screen.findByText('5 alerts')).toBeTruthy();
});

test('loads older incidents after the last one', async () => {
  open({
    IncidentsPage: ({ after }: { after?: string }) =>
      after === 'c2' ? pageOf([row('1')], 2) : pageOf([row('2')], 2, 'c2'),
  });
  await userEvent.click(await screen.findByRole('button', { name: 'Load older' }));
  await waitFor(async () => expect(within(await list()).getAllByRole('link')).toHaveLength(2));
});

test('Enter opens, Escape closes and the focus comes back', async () => {
  const shown = open(opened());
  within(await list())
    .getByRole('link')
    .focus();
  await userEvent.keyboard('{Enter}');
  expect(shown.location()).toBe('/incidents/42');
  const name = await screen.findByRole('heading', { name: 'Attack 42' });
  await waitFor(() => expect(document.activeElement).toBe(name));
  await userEvent.keyboard('{Escape}');
  expect(shown.location()).toBe('/incidents');
  await waitFor(() => expect(document.activeElement?.getAttribute('data-row')).toBe('42'));
});

test('an opened incident waits, and says when there is none', async () => {
  const waiting = open({ IncidentsPage: pageOf([]) }, '/incidents/42');
  expect((await screen.findAllByRole('status', { name: 'Loading' })).length).toBeGreaterThan(0);
  waiting.unmount();
  open({ IncidentsPage: pageOf([]), IncidentOpened: { incident: null } }, '/incidents/42');
  expect(await screen.findByText('There is no such incident')).toBeTruthy();
});

test('an opened incident offers another try when there is no answer', async () => {
  open(
    {
      IncidentsPage: pageOf([row('42')]),
      IncidentOpened: () => {
        throw new Error('the database is away');
      },
    },
    '/incidents/42',
  );
  expect(await screen.findByRole('button', { name: 'Try again' })).toBeTruthy();
});

test('shows who did what when, each mark a link to its alert', async () => {
  open(opened(), '/incidents/42');
  const lanes = await screen.findByRole('list', { name: 'Alerts by client, over time' });
  expect(within(lanes).getAllByRole('listitem')).toHaveLength(2);
  const mark = within(lanes).getByRole('link', { name: /^Critical: Too many requests/ });
  expect(mark.getAttribute('href')).toBe('/alerts/8');
});

test('lists the clients, and which of them are kept out now', async () => {
  open(opened(), '/incidents/42');
  const table = await screen.findByRole('table', { name: 'Clients of this incident' });
  const [, worst, other] = within(table).getAllByRole('row');
  expect(worst?.textContent).toMatch(/198\.51\.100\.8.*Critical.*Block.*left/);
  expect(other?.textContent).toMatch(/198\.51\.100\.7.*not blocked/);
  expect(within(table).getByRole('link', { name: '198.51.100.8' }).getAttribute('href')).toBe(
    '/logs?client=198.51.100.8',
  );
});

test('leads from an alert of the table to the alert', async () => {
  const shown = open(opened({}, [alert('7')]), '/incidents/42');
  const table = await screen.findByRole('table', { name: 'Alerts of this incident' });
  await userEvent.click(within(table).getByRole('button', { name: 'Too many requests' }));
  expect(shown.location()).toBe('/alerts/7');
});

test('a long incident shows a dozen clients, and all on request', async () => {
  const many = Array.from({ length: 20 }, (_, i) => alert(String(i), { firstAt: at(i), lastAt: at(i) }));
  open(opened({ alertCount: 300 }, many), '/incidents/42');
  const lanes = await screen.findByRole('list', { name: 'Alerts by client, over time' });
  expect(within(lanes).getAllByRole('listitem')).toHaveLength(12);
  await userEvent.click(screen.getByRole('button', { name: 'Show all 20 clients' }));
  expect(within(lanes).getAllByRole('listitem')).toHaveLength(20);
  const link = screen.getByRole('link', { name: 'The newest 20; see all 300' });
  expect(link.getAttribute('href')).toBe('/alerts?status=all&incident=42');
});

const ofIncident = (alerts: IncidentAlertFragment[], endCursor: string | null = null) => ({
  alerts: {
    edges: alerts.map(({ id, decision }) => ({ node: { id, decision } })),
    pageInfo: { endCursor, hasNextPage: endCursor !== null },
  },
});

test('is resolved with all its open alerts, also those not shown, and lifts their blocks when asked', async () => {
  const shown = open(
    {
      ...opened({ alertCount: 600 }),
      IncidentOpenAlerts: ({ after }: { after: string | null }) =>
        after === 'c9'
          ? ofIncident([alert('8')])
          : ofIncident([alert('9', { decision: block('D-9') })], 'c9'),
      ResolveAlerts: { resolve: [] },
    },
    '/incidents/42',
  );
  await userEvent.click(await screen.findByRole('button', { name: 'Resolve…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Resolve 2 alerts?' });
  expect(within(dialog).getByText('1 block is in force because of this')).toBeTruthy();
  await userEvent.click(within(dialog).getByRole('radio', { name: /^Lift the block/ }));
  await userEvent.click(within(dialog).getByRole('button', { name: 'Resolve and lift' }));
  await waitFor(() => expect(shown.asked('ResolveAlerts')).toEqual([{ ids: ['9', '8'], lift: true }]));
});

test('what can not be resolved says why', async () => {
  open(
    {
      ...opened(),
      IncidentOpenAlerts: ofIncident([alert('7')]),
      ResolveAlerts: () => {
        throw new Error('it could not be written down');
      },
    },
    '/incidents/42',
  );
  await userEvent.click(await screen.findByRole('button', { name: 'Resolve…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Resolve 1 alert?' });
  await userEvent.click(within(dialog).getByRole('button', { name: 'Resolve' }));
  expect((await within(dialog).findByRole('alert')).textContent).toBe('It could not be written down');
});

test('when it is not known what is open of it, it says why', async () => {
  open(
    {
      ...opened(),
      IncidentOpenAlerts: () => {
        throw new Error('the database is away');
      },
    },
    '/incidents/42',
  );
  await userEvent.click(await screen.findByRole('button', { name: 'Resolve…' }));
  expect((await screen.findByRole('alert')).textContent).toBe('The database is away');
  expect(screen.queryByText(/^Resolve \d/)).toBeNull();
});

test('a resolved incident can not be resolved again', async () => {
  open(opened({ status: 'RESOLVED' }), '/incidents/42');
  await screen.findByRole('table', { name: 'Alerts of this incident' });
  expect(screen.queryByRole('button', { name: /^Resolve/ })).toBeNull();
});

test('one that was merged into another says so', async () => {
  open(
    opened({ title: 'Merged into INC-1', status: 'RESOLVED', alertCount: 0, clientCount: 0 }, []),
    '/incidents/42',
  );
  expect(await screen.findByRole('heading', { name: 'Merged into INC-1' })).toBeTruthy();
  expect(screen.getByText(/went into the incident named above/)).toBeTruthy();
});

test('a viewer reads it, and can not resolve it', async () => {
  show(
    <Route path="/incidents/:id?">
      <IncidentsPage />
    </Route>,
    opened(),
    { at: '/incidents/42', operator: { name: 'vera', role: 'VIEWER', demo: false } },
  );
  await screen.findByRole('table', { name: 'Alerts of this incident' });
  expect(screen.queryByRole('button', { name: /^(Resolve|Block|Undo)/ })).toBeNull();
});

const made = {
  incident: {
    __typename: 'Incident',
    id: '42',
    score: 66,
    weakCount: 432,
    accounts: ['alice'],
    accountCount: 1,
    reasons: [{ what: 'spread over 432 sources', points: 66 }],
    stages: [
      {
        stage: 'Initial access',
        titles: ['Post without a page before'],
        findings: 432,
        firstAt: at(0),
        lastAt: at(9),
        success: false,
      },
    ],
    sources: {
      edges: [{ node: { target: { label: '203.0.113.9' }, firstAt: at(0), rule: 'bare-post', weak: true } }],
      pageInfo: { hasNextPage: true },
    },
    parent: { id: '41', reference: 'INC-41' },
  },
};

test('an incident of weak observations shows its score, reasons, stages and sources', async () => {
  open({ ...opened({ alertCount: 0, clientCount: 432 }, []), IncidentMade: made }, '/incidents/42');
  expect(await screen.findByText('Score 66 of 100')).toBeTruthy();
  const cells = (name: string) => screen.getByRole('table', { name }).textContent;
  expect(cells('Reasons of the score')).toMatch(/spread over 432 sources.*66/);
  expect(cells('Stages of the attack')).toMatch(/Initial access.*Post without a page before.*432/);
  expect(cells('Sources of this incident')).toMatch(/203\.0\.113\.9.*weak by itself/);
  expect(screen.getByRole('link', { name: 'Continues INC-41' }).getAttribute('href')).toBe('/incidents/41');
  expect(screen.queryByRole('button', { name: /^Resolve/ })).toBeNull();
});

test('all of an incident are blocked after asking, and set free again', async () => {
  const shown = open(
    {
      ...opened(),
      BlockIncident: { blockIncident: { blockedCount: 2, sparedCount: 0, blockedBeforeCount: 0 } },
      UndoIncident: { undoIncident: { liftedCount: 2 } },
    },
    '/incidents/42',
  );
  await userEvent.click(await screen.findByRole('button', { name: 'Block all…' }));
  const asked = await screen.findByRole('dialog', { name: 'Block 2 sources?' });
  await userEvent.click(within(asked).getByRole('button', { name: 'Block' }));
  await waitFor(() => expect(shown.asked('BlockIncident')).toEqual([{ id: '42', duration: '24h' }]));
  await userEvent.click(await screen.findByRole('button', { name: 'Undo the block…' }));
  const undo = await screen.findByRole('dialog', { name: 'Lift what was blocked here?' });
  await userEvent.click(within(undo).getByRole('button', { name: 'Lift' }));
  await waitFor(() => expect(shown.asked('UndoIncident')).toEqual([{ id: '42' }]));
});
