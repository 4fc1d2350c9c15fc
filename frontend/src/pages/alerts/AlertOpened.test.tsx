import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import { refusal, show } from '../../testing/show';
import { Toasts } from '../../ui/Toasts';
import { AlertOpened } from './AlertOpened';
import { at, block, detail, evidence, row, target } from './testing';

const rules = [
  {
    id: 'rate-abuse',
    title: 'Too many requests',
    version: 1,
    explanation: 'More than 2 requests from one client within 1 minute.',
  },
];

function open(alert: Partial<AlertDetailFragment> | null, answers: Record<string, unknown> = {}) {
  const changed = vi.fn();
  const shown = show(
    <>
      <AlertOpened id="7" onClose={() => {}} onChanged={changed} />
      <Toasts />
    </>,
    { AlertOpened: { alert: alert && detail('7', alert), rules }, ...answers },
  );
  return { ...shown, changed };
}
const part = (name: string) => screen.findByRole('region', { name });

test('waits with bones', () => {
  show(<AlertOpened id="7" onClose={() => {}} onChanged={() => {}} />);
  expect(screen.getByRole('status', { name: 'Loading' })).toBeTruthy();
});

test('offers another try when there is no answer', async () => {
  open(null, {
    AlertOpened: () => {
      throw new Error('the database is away');
    },
  });
  expect(await screen.findByRole('button', { name: 'Try again' })).toBeTruthy();
});

test.each([
  ['the server knows none', { AlertOpened: { alert: null, rules } }],
  [
    'that is no number',
    {
      AlertOpened: () => {
        throw refusal('INVALID', 'id is not an ID', { field: 'id' });
      },
    },
  ],
])('says that there is no such alert: %s', async (_, answers) => {
  open(null, answers);
  expect(await screen.findByText('There is no such alert')).toBeTruthy();
});

test('says what happened, to whom, by which rule, and what trips it', async () => {
  open({ reason: '198.51.100.7 sent 3 requests in 41 seconds.', decision: block('D-1', { until: null }) });
  expect(await screen.findByRole('heading', { name: 'Too many requests' })).toBeTruthy();
  expect(screen.getByText('198.51.100.7 sent 3 requests in 41 seconds.')).toBeTruthy();
  expect(screen.getByText('198.51.100.7 is blocked until somebody lifts it.')).toBeTruthy();
  expect(screen.getByText('More than 2 requests from one client within 1 minute.')).toBeTruthy();
  expect(screen.getByText('user_key…')).toBeTruthy();
  expect(screen.getByRole('link', { name: '198.51.100.7' }).getAttribute('href')).toBe(
    '/logs?client=198.51.100.7',
  );
});

test('draws the count against the limit, and says the same in words', async () => {
  open({});
  const counted = await part('Counted');
  expect(counted.textContent).toMatch(/3 where 2 are allowed in 1 min/);
  expect(within(counted).getByRole('img').getAttribute('aria-label')).toMatch(
    /3 exchanges counted within 41 s.*more than 2 within 1 min/,
  );
});

test('a rule that one is enough for needs no picture', async () => {
  open({ count: 1, limit: 0, windowSeconds: 0, times: [at(0)] });
  const counted = await part('Counted');
  expect(within(counted).queryByRole('img')).toBeNull();
  expect(counted.textContent).toMatch(/One is enough/);
});

test('says when the rule has changed since', async () => {
  open({ ruleVersion: 0 });
  expect(await screen.findByText(/That is version 1, which is in force now/)).toBeTruthy();
});

test('leads to its incident', async () => {
  open({
    incident: {
      __typename: 'Incident',
      id: '42',
      reference: 'INC-4F7K2',
      title: 'Attack',
      severity: 'HIGH',
      status: 'OPEN',
      alertCount: 3,
      clientCount: 2,
      shared: 'network 198.51.100.0/24',
    },
  });
  const link = await screen.findByRole('link', { name: /INC-4F7K2/ });
  expect(link.getAttribute('href')).toBe('/incidents/42');
  expect(screen.getByText(/3 alerts of 2 clients, joined by network 198\.51\.100\.0\/24/)).toBeTruthy();
});

test('shows the exchanges around it, those that were counted marked', async () => {
  const exchange = (id: string, seconds: number) => ({
    __typename: 'Exchange' as const,
    id,
    at: at(seconds),
    client: '198.51.100.7',
    method: 'GET',
    path: `/api/${id}`,
    status: 200,
    took: 1.5,
    refused: false,
    cause: null,
    userAgent: 'curl',
  });
  open({ exchanges: [exchange('b', 41), exchange('a', 40)] });
  const rows = within(
    await screen.findByRole('table', { name: 'Exchanges around the finding' }),
  ).getAllByRole('row');
  expect(rows[1]?.textContent).toMatch(/counted.*GET \/api\/b/);
  expect(rows[2]?.textContent).not.toMatch(/counted/);
});

test('lifts the block from the receipt, and can place it again', async () => {
  const d = block('D-1');
  const shown = open(
    { decision: d, decisions: [d] },
    { AlertsLift: { lift: { lifted: [] } }, AlertsBlock: { block: d } },
  );
  const receipt = await part('Receipt');
  expect(within(receipt).getByRole('link', { name: 'D-1' }).getAttribute('href')).toBe('/ip-management/D-1');
  await userEvent.click(within(receipt).getByRole('button', { name: 'Lift D-1' }));
  expect(await screen.findByText('198.51.100.7 passes again.')).toBeTruthy();
  expect(shown.asked('AlertsLift')).toEqual([{ ids: ['D-1'] }]);
  expect(shown.changed).toHaveBeenCalledTimes(1);
  await userEvent.click(screen.getByRole('button', { name: 'Undo' }));
  await waitFor(() => expect(shown.asked('AlertsBlock')).toHaveLength(1));
  const { input } = shown.asked('AlertsBlock')[0] as { input: Record<string, string> };
  expect(input.target).toBe('198.51.100.7');
  expect(input.duration).toMatch(/^3[56]\d\ds$/); // what was left of it
});

test('the receipt tells how often whom it blocks asked since', async () => {
  open({ decision: block('D-1', { hammering: { __typename: 'Hammering', requests: 1, lastAt: at(41) } }) });
  const since = await within(await part('Receipt')).findByText('Refused since');
  expect(since.nextSibling?.textContent).toMatch(/^1 request, the last /);
});

test('a lift that fails says so beside its button', async () => {
  open(
    { decision: block('D-1') },
    {
      AlertsLift: () => {
        throw new Error('it could not be written down');
      },
    },
  );
  const receipt = await part('Receipt');
  await userEvent.click(within(receipt).getByRole('button', { name: 'Lift D-1' }));
  expect((await within(receipt).findByRole('alert')).textContent).toBe('It could not be written down');
});

test('other decisions about the client are named as well', async () => {
  open({
    decision: block('D-1'),
    decisions: [block('D-1'), block('D-2', { action: 'MONITOR', origin: 'OPERATOR', by: 'ada', rule: null })],
  });
  const others = await part('Also in force for this client');
  expect(within(others).getByRole('button', { name: 'Lift D-2' })).toBeTruthy();
  expect(within(others).queryByRole('button', { name: 'Lift D-1' })).toBeNull();
});

test('without a block it is resolved at once', async () => {
  const shown = open({}, { ResolveAlerts: { resolve: [] } });
  await userEvent.click(await screen.findByRole('button', { name: 'Resolve' }));
  await waitFor(() => expect(shown.asked('ResolveAlerts')).toEqual([{ ids: ['7'], lift: false }]));
  expect(await screen.findByText('The alert is resolved.')).toBeTruthy();
});

test('with a block it asks whether to lift that as well', async () => {
  const shown = open({ decision: block('D-1') }, { ResolveAlerts: { resolve: [] } });
  await userEvent.click(await screen.findByRole('button', { name: 'Resolve…' }));
  expect(shown.asked('ResolveAlerts')).toEqual([]);
  await userEvent.click(screen.getByRole('radio', { name: /^Lift the block/ }));
  await userEvent.click(screen.getByRole('button', { name: 'Resolve and lift' }));
  await waitFor(() => expect(shown.asked('ResolveAlerts')).toEqual([{ ids: ['7'], lift: true }]));
});

test('a resolved alert says by whom, and can not be resolved again', async () => {
  open({ status: 'RESOLVED', resolvedAt: at(100), resolvedBy: 'ada' });
  expect((await screen.findAllByText(/by ada/)).length).toBeGreaterThan(0);
  expect(screen.queryByRole('button', { name: /^Resolve/ })).toBeNull();
});

test('blocks with a duration and a reason, and can undo that', async () => {
  const d = block('D-9', { until: null });
  const shown = open({}, { AlertsBlock: { block: d }, AlertsLift: { lift: { lifted: [] } } });
  await userEvent.click(await screen.findByRole('button', { name: 'Block…' }));
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'How long' }), 'Until lifted');
  const reason = screen.getByRole('textbox', { name: 'Reason' });
  await userEvent.clear(reason);
  await userEvent.type(reason, 'enough');
  await userEvent.click(screen.getByRole('button', { name: 'Block 198.51.100.7' }));
  expect(await screen.findByText('198.51.100.7 is blocked until lifted.')).toBeTruthy();
  expect(shown.asked('AlertsBlock')).toEqual([
    { input: { target: '198.51.100.7', reason: 'enough', duration: null } },
  ]);
  expect(document.activeElement?.textContent).toBe('Block…');
  await userEvent.click(screen.getByRole('button', { name: 'Undo' }));
  await waitFor(() => expect(shown.asked('AlertsLift')).toEqual([{ ids: ['D-9'] }]));
});

test.each([
  ['reason', 'reason must be text of at most 500 characters in one line'],
  ['input.duration', 'duration must be one second to ten years'],
])('a refused %s stands beside its field', async (field, message) => {
  open(
    {},
    {
      AlertsBlock: () => {
        throw refusal('INVALID', message, { field });
      },
    },
  );
  await userEvent.click(await screen.findByRole('button', { name: 'Block…' }));
  await userEvent.click(screen.getByRole('button', { name: 'Block 198.51.100.7' }));
  const said = await screen.findByText(message.charAt(0).toUpperCase() + message.slice(1));
  const control = screen.getByLabelText(field === 'reason' ? /^Reason/ : /^How long/);
  expect(control.getAttribute('aria-describedby')?.split(' ')).toContain(said.id);
  expect(control.getAttribute('aria-invalid')).toBe('true');
});

test('an operator who would lock himself out is told so', async () => {
  open(
    {},
    {
      AlertsBlock: () => {
        throw refusal('INVALID', 'target covers the address that you work from', { field: 'target' });
      },
    },
  );
  await userEvent.click(await screen.findByRole('button', { name: 'Block…' }));
  await userEvent.click(screen.getByRole('button', { name: 'Block 198.51.100.7' }));
  expect((await screen.findByRole('alert')).textContent).toMatch(/you work from/);
});

test('lets one choose between the network that was counted and the very address', async () => {
  const shown = open(
    {
      client: '2001:db8::7',
      actor: target('2001:db8::/64'),
    },
    { AlertsMonitor: { monitor: block('D-5', { action: 'MONITOR' }) } },
  );
  await userEvent.click(await screen.findByRole('button', { name: 'Monitor…' }));
  await userEvent.click(screen.getByRole('radio', { name: '2001:db8::7' }));
  await userEvent.click(screen.getByRole('button', { name: 'Monitor 2001:db8::7' }));
  await waitFor(() => expect(shown.asked('AlertsMonitor')).toHaveLength(1));
  expect(shown.asked('AlertsMonitor')[0]).toMatchObject({
    input: { target: '2001:db8::7', duration: '24h' },
  });
});

test('Escape closes the form and keeps the alert open', async () => {
  open({});
  await userEvent.click(await screen.findByRole('button', { name: 'Block…' }));
  screen.getByRole('textbox', { name: 'Reason' }).focus();
  await userEvent.keyboard('{Escape}');
  expect(screen.queryByRole('textbox', { name: 'Reason' })).toBeNull();
  expect(document.activeElement?.textContent).toBe('Block…');
});

test('asks again when it has changed', async () => {
  const shown = open({});
  await part('Counted');
  act(() => shown.announce('AlertsChanged', { alertChanged: row('7', { findings: 2 }) }));
  await waitFor(() => expect(shown.asked('AlertOpened')).toHaveLength(2));
});

test('does not ask again when another alert has changed', async () => {
  const shown = open({});
  await part('Counted');
  await act(async () => shown.announce('AlertsChanged', { alertChanged: row('8') }));
  expect(shown.asked('AlertOpened')).toHaveLength(1);
});

test('asks again when a decision has changed: it may be about this client', async () => {
  const shown = open({});
  await part('Counted');
  act(() => shown.announce('AlertsDecided', { decisionChanged: block('D-3') }));
  await waitFor(() => expect(shown.asked('AlertOpened')).toHaveLength(2));
});

test('lets a viewer read it, and do nothing', async () => {
  const d = block('D-7');
  show(
    <AlertOpened id="7" onClose={() => {}} onChanged={() => {}} />,
    { AlertOpened: { alert: detail('7', { decision: d, decisions: [d] }), rules } },
    { operator: { name: 'vera', role: 'VIEWER', demo: false } },
  );
  await part('Receipt');
  for (const name of [/^Resolve/, /^Block/, /^Monitor/, /^Lift/])
    expect(screen.queryByRole('button', { name })).toBeNull();
});

test('shows an alert about an account as one, with what was seen and what would have kept it silent', async () => {
  const account = 'alice\u202E<script>alert(1)</script>';
  open({
    actor: target(`account "${account}"`, { network: null, account }),
    client: '198.51.100.7',
    count: 3,
    limit: 2,
    times: [at(0), at(1), at(2), at(3)],
    evidence: evidence({
      seen: ['198.51.100.0/24', '203.0.113.0/24', '<img src=x>'],
      unless: 'It would not have fired for 2 different ones or fewer within 1 minute.',
      account,
      userAgent: 'curl/8 <b>',
      country: 'NL',
      asn: 64500,
      tokens: ['network 198.51.100.0/24'],
    }),
    decisions: [block('D-9')],
  });
  const facts = within(await part('Who and what'));
  expect(facts.getByRole('link', { name: account }).getAttribute('href')).toBe(
    `/logs?account=${encodeURIComponent(account)}`,
  );
  expect(facts.getByText(account).closest('bdi')).toBeTruthy();
  expect(facts.getByText('198.51.100.7')).toBeTruthy();
  expect(facts.getByText(/AS64500/).textContent).toBe('Netherlands (NL), AS64500');
  expect(facts.getByText('curl/8 <b>')).toBeTruthy();
  expect(facts.getByText('network 198.51.100.0/24')).toBeTruthy();
  expect(facts.queryByText('Acting for')).toBeNull();
  const counted = within(await part('Counted'));
  expect(counted.getByRole('list', { name: 'What was seen' }).textContent).toContain('<img src=x>');
  expect(counted.getByText(/^It would not have fired/)).toBeTruthy();
  expect(counted.getByText(/different ones where 2 are allowed/)).toBeTruthy();
  expect(counted.queryByRole('img')).toBeNull(); // four exchanges are no picture of three values
  expect(screen.getByRole('region', { name: 'Also in force for this account' })).toBeTruthy();
});

test('shows what a score is made of, with what is usual', async () => {
  open({
    actor: target('"POST /api/login/{id}"', { network: null, route: 'POST /api/login/{id}' }),
    count: 61,
    limit: 60,
    times: [at(0)],
    evidence: evidence({
      account: 'bob',
      parts: [
        {
          __typename: 'Part',
          feature: 'error ratio',
          value: 0.9712,
          expected: '0 to 0.1 in 99 of 100 cases',
          share: 41.5,
        },
        { __typename: 'Part', feature: 'rate', value: 1234, expected: '', share: 19.5 },
      ],
    }),
  });
  const counted = within(await part('Counted'));
  expect(counted.getByText(/A score of/).textContent).toBe('A score of 61 where up to 60 is usual');
  const parts = within(counted.getByRole('list', { name: 'What the score is made of' })).getAllByRole(
    'listitem',
  );
  expect(parts.map((p) => p.textContent)).toEqual([
    'error ratio 0.971its share: 41.5usual: 0 to 0.1 in 99 of 100 cases',
    'rate 1,230its share: 19.5',
  ]);
  const facts = within(await part('Who and what'));
  expect(facts.getByText('POST /api/login/{id}')).toBeTruthy();
  expect(facts.getByText('Acting for')).toBeTruthy();
  expect(facts.getByRole('link', { name: 'bob' })).toBeTruthy();
});
