import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Session } from '../../api/session';
import { refusal, show } from '../../testing/show';
import { SettingsPage } from './SettingsPage';

const at = new Date(Date.now() - 7_200_000).toISOString();
const ada = { id: '1', name: 'ada', role: 'ADMIN', createdAt: at, lastSeenAt: at, you: true };
const bo = { id: '2', name: 'bo', role: 'VIEWER', createdAt: at, lastSeenAt: null, you: false };
const token = {
  id: 't1',
  name: 'nginx-bouncer',
  role: 'VIEWER',
  prefix: 'sntl_abc',
  createdAt: at,
  lastUsedAt: null,
  expiresAt: null,
};
const health = (more: object = {}) => ({
  health: { mode: 'OBSERVE', notEnforcing: null, demo: false, ...more },
});
const known = {
  SettingsHealth: health(),
  SettingsOperators: { operators: [ada, bo] },
  SettingsTokens: { tokens: [token] },
};
type Who = NonNullable<Parameters<typeof show>[2]>['operator'];
const admin: Who = { name: 'ada', role: 'ADMIN', demo: false };
const settings = (answers: object = {}, operator: Who = admin, session = new Session()) =>
  show(<SettingsPage />, { ...known, ...answers }, { at: '/settings', operator, session });
const panel = async (name: string) => within(await screen.findByRole('region', { name }));
const dialog = async () => within(await screen.findByRole('dialog'));

afterEach(() => vi.unstubAllGlobals());

describe('the gateway', () => {
  test('that observes says what that means, and how to switch it on', async () => {
    settings();
    const gateway = await panel('Gateway');
    expect(await gateway.findByText('It observes: every request passes.')).toBeTruthy();
    expect(gateway.getByText(/mode: enforce/)).toBeTruthy();
  });

  test('that enforces says so, and how to only observe', async () => {
    settings({ SettingsHealth: health({ mode: 'ENFORCE' }) });
    const gateway = await panel('Gateway');
    expect(await gateway.findByText('It enforces.')).toBeTruthy();
    expect(gateway.getByText(/mode: observe/)).toBeTruthy();
  });

  test('that doubts who asks says what to do about it', async () => {
    const why = 'Nearly all traffic seems to come from 10.0.0.5: set clients.trusted_proxies.';
    settings({ SettingsHealth: health({ mode: 'ENFORCE', notEnforcing: why }) });
    expect(await (await panel('Gateway')).findByText(/trusted_proxies: \[10\.0\.0\.5\]/)).toBeTruthy();
  });
});

describe('what is protected', () => {
  const upstream = { name: 'api', target: 'http://10.0.0.9:8080', healthy: true, reason: '', since: at };
  const log = {
    file: '/var/log/nginx/access.log',
    format: 'combined',
    as: 'TRAFFIC',
    lines: 120_000,
    bad: 0,
    badLines: [],
    lag: 0,
    problem: '',
  };
  const sources = (upstreams: object[], logs: object[]) =>
    settings({ SettingsSources: { upstreams, logs, health: { places: [], usual: null, memory: [] } } });

  test('is listed with how it does, and why not', async () => {
    const away = { ...upstream, name: 'cards', healthy: false, reason: 'connection refused' };
    sources([upstream, away], []);
    const table = within(await screen.findByRole('table', { name: 'Protected APIs' }));
    expect(table.getByText('Healthy')).toBeTruthy();
    expect(table.getByText('connection refused')).toBeTruthy();
    expect(screen.queryByRole('region', { name: 'Followed logs' })).toBeNull();
  });

  test('has logs that are followed, and lines in them that can’t be read, by their numbers', async () => {
    const badLines = [{ number: 1_204, problem: 'has no status' }];
    sources([], [log, { ...log, file: '-', bad: 3, badLines, lag: 2048, problem: 'the pipe is closed' }]);
    const logs = await panel('Followed logs');
    expect(logs.getByText('120,000 lines read, every one of them understood. Nothing waits.')).toBeTruthy();
    expect(logs.getByText('standard input')).toBeTruthy();
    expect(logs.getByText('the pipe is closed')).toBeTruthy();
    expect(logs.getByText('3 lines could not be read')).toBeTruthy();
    expect(logs.getByText('line 1,204').parentElement?.textContent).toBe('line 1,204 has no status');
    expect(logs.getByText('and 2 more')).toBeTruthy();
  });
});

describe('where addresses are', () => {
  const told = (places: string[], usual: object | null = null, memory: object[] = []) =>
    settings({ SettingsSources: { upstreams: [], logs: [], health: { places, usual, memory } } });

  test('is credited to whom the file is from', async () => {
    told(['country ipvAll 2026-06-01 (dbip-country.mmdb)']);
    const places = await panel('Where addresses are');
    expect(places.getByText(/country ipvAll 2026-06-01/)).toBeTruthy();
    const link = places.getByRole('link', { name: 'IP Geolocation by DB-IP' });
    expect(link.getAttribute('href')).toBe('https://db-ip.com');
  });

  test('is credited to nobody else', async () => {
    told(['GeoLite2-City 2026-06-01']);
    expect((await panel('Where addresses are')).queryByRole('link')).toBeNull();
  });

  test('may be unknown, and then what to do is said', async () => {
    told([]);
    expect((await panel('Where addresses are')).getByText('dbip-country.mmdb')).toBeTruthy();
  });

  test('stands beside what is usual', async () => {
    told([], { warm: true, frozen: true, learned: 12_000, threshold: 21.5, drifting: ['share of errors'] });
    const usual = await panel('Usual behaviour');
    expect(usual.getByText('Paused')).toBeTruthy();
    expect(
      usual.getByText(/12,000 requests that went well. A client is unusual from a score of 21.5 on/),
    ).toBeTruthy();
    expect(usual.getByText(/Not what it was since today: share of errors/)).toBeTruthy();
  });

  test('stands beside what rules remember, and what they forgot too early', async () => {
    const memory = { rule: 'rate-abuse', room: 1000, held: 250, evicted: 0, turnedAway: 0, flooded: false };
    const calm = told([], null, [memory]);
    expect((await panel('What rules remember')).getByText('Nothing was forgotten too early')).toBeTruthy();
    calm.unmount();
    told([], null, [memory, { ...memory, rule: 'probing', evicted: 1204, turnedAway: 7, flooded: true }]);
    const flood = await panel('What rules remember');
    expect(flood.getByText('1 flood')).toBeTruthy();
    const [flooded, calmRow] = flood.getAllByRole('listitem');
    expect(flooded?.textContent).toBe('probing25%250 of 1,000Flood1,204 forgotten7 not taken in');
    expect(calmRow?.textContent).toBe('rate-abuse25%250 of 1,000');
  });

  test('folds away the rules that remember less, and names those that remember nothing', async () => {
    const rules = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((rule, i) => ({
      rule,
      room: 1000,
      held: 100 * i,
      evicted: 0,
      turnedAway: 0,
      flooded: false,
    }));
    told([], null, rules);
    const shown = await panel('What rules remember');
    const [list] = shown.getAllByRole('list');
    expect(within(list as HTMLElement).getAllByRole('listitem')).toHaveLength(5);
    expect(list?.firstElementChild?.textContent).toBe('g60%600 of 1,000');
    await userEvent.click(shown.getByText('1 more rule'));
    expect(within(shown.getByRole('list', { name: 'What more rules remember' })).getByText('b')).toBeTruthy();
    await userEvent.click(shown.getByText('1 rule with nothing to remember'));
    expect(shown.getByText('a')).toBeTruthy();
  });
});

describe('operators', () => {
  test('are listed; oneself can be neither changed nor removed', async () => {
    settings();
    const table = within(await screen.findByRole('table', { name: 'Operators' }));
    expect(table.getByText('you')).toBeTruthy();
    expect(table.getByText('has not signed in yet')).toBeTruthy();
    expect(table.getAllByRole('combobox').map((s) => s.getAttribute('aria-label'))).toEqual(['Role of bo']);
    expect(table.getAllByRole('button').map((b) => b.getAttribute('aria-label'))).toEqual(['Remove bo']);
  });

  test('are added with a role, and their link is shown once', async () => {
    const write = vi.fn(async () => {});
    vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText: write } });
    const link = 'https://sentinel.example/setup#name=cy&token=s3cret';
    const shown = settings({
      OperatorAdd: { addOperator: { operator: { ...bo, id: '3', name: 'cy', role: 'ADMIN' }, link } },
    });
    await userEvent.click(await screen.findByRole('button', { name: 'Add operator' }));
    const form = await dialog();
    await userEvent.type(form.getByLabelText(/^Name/), 'cy');
    fireEvent.click(form.getByLabelText(/^Admin/));
    fireEvent.click(form.getByRole('button', { name: 'Add and make a link' }));
    expect(((await screen.findByLabelText('Link')) as HTMLTextAreaElement).value).toBe(link);
    expect(shown.asked('OperatorAdd')).toEqual([{ input: { name: 'cy', role: 'ADMIN' } }]);
    fireEvent.click(screen.getByRole('button', { name: 'Copy link' }));
    expect(await screen.findByRole('button', { name: 'Copied' })).toBeTruthy();
    expect(write).toHaveBeenCalledWith(link);
    fireEvent.click(screen.getByRole('button', { name: 'Done' }));
    await waitFor(() => expect(screen.queryByLabelText('Link')).toBeNull());
    expect(shown.asked('SettingsOperators').length).toBeGreaterThan(1);
  });

  test('are refused beside the field', async () => {
    settings({
      OperatorAdd: () => Promise.reject(refusal('INVALID', 'name is taken', { field: 'name' })),
    });
    await userEvent.click(await screen.findByRole('button', { name: 'Add operator' }));
    const form = await dialog();
    await userEvent.type(form.getByLabelText(/^Name/), 'bo');
    fireEvent.click(form.getByRole('button', { name: 'Add and make a link' }));
    expect(await form.findByText('Is taken.')).toBeTruthy();
  });

  test('get another role once that is confirmed', async () => {
    const shown = settings({ OperatorSetRole: { setRole: { ...bo, role: 'ANALYST' } } });
    fireEvent.change(await screen.findByLabelText('Role of bo'), { target: { value: 'ANALYST' } });
    const ask = await dialog();
    expect(ask.getByText(/Open sessions of bo end/)).toBeTruthy();
    expect(shown.asked('OperatorSetRole')).toEqual([]);
    fireEvent.click(ask.getByRole('button', { name: 'Make an analyst' }));
    await waitFor(() => expect(shown.asked('OperatorSetRole')).toEqual([{ id: '2', role: 'ANALYST' }]));
  });

  test('are removed once that is confirmed; when it fails, the reason stays in sight', async () => {
    let last = true;
    const shown = settings({
      OperatorRemove: () => {
        if (last) throw refusal('DENIED', 'the last admin stays');
        return { removeOperator: '2' };
      },
    });
    await userEvent.click(await screen.findByRole('button', { name: 'Remove bo' }));
    const ask = await dialog();
    fireEvent.click(ask.getByRole('button', { name: 'Remove' }));
    expect(await ask.findByText('The last admin stays.')).toBeTruthy();
    last = false;
    fireEvent.click(ask.getByRole('button', { name: 'Remove' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(shown.asked('OperatorRemove')).toHaveLength(2);
  });
});

describe('API tokens', () => {
  test('are made for a program, and their secret is shown once', async () => {
    const shown = settings({ TokenCreate: { createToken: { token, secret: 'sntl_abcdef' } } });
    await userEvent.click(await screen.findByRole('button', { name: 'Create token' }));
    const form = await dialog();
    await userEvent.type(form.getByLabelText(/^Name/), 'nginx-bouncer');
    fireEvent.change(form.getByLabelText('Good for'), { target: { value: '' } });
    fireEvent.click(form.getByRole('button', { name: 'Create token' }));
    expect(((await screen.findByLabelText('Secret')) as HTMLTextAreaElement).value).toBe('sntl_abcdef');
    expect(shown.asked('TokenCreate')).toEqual([
      { input: { name: 'nginx-bouncer', role: 'VIEWER', duration: null } },
    ]);
  });

  test('are revoked once that is confirmed', async () => {
    const shown = settings({ TokenRevoke: { revokeToken: 't1' } });
    await userEvent.click(await screen.findByRole('button', { name: 'Revoke nginx-bouncer' }));
    fireEvent.click((await dialog()).getByRole('button', { name: 'Revoke' }));
    await waitFor(() => expect(shown.asked('TokenRevoke')).toEqual([{ id: 't1' }]));
  });

  test('that there are none of are explained', async () => {
    settings({ SettingsTokens: { tokens: [] } });
    expect(await screen.findByText('No program comes in')).toBeTruthy();
  });
});

describe('one’s own password', () => {
  const change = async (old: string, next: string) => {
    fireEvent.change(await screen.findByLabelText('Present password', { selector: 'input' }), {
      target: { value: old },
    });
    fireEvent.change(screen.getByLabelText('New password', { selector: 'input' }), {
      target: { value: next },
    });
    fireEvent.click(screen.getByRole('button', { name: 'Change password' }));
  };

  test('is changed, which ends the session', async () => {
    const session = new Session();
    const shown = settings({ PasswordChange: { changePassword: true } }, admin, session);
    await change('winter lamp seven boats', 'purple engine forty doves');
    await waitFor(() => expect(session.state).toMatchObject({ state: 'out', why: 'chosen' }));
    expect(shown.asked('PasswordChange')).toEqual([
      { old: 'winter lamp seven boats', new: 'purple engine forty doves' },
    ]);
  });

  test('that is wrong or too short is said at its field', async () => {
    settings({
      PasswordChange: () => Promise.reject(refusal('INVALID', 'old is not your password', { field: 'old' })),
    });
    await change('x', 'short');
    expect(await screen.findByText('Use at least 12 characters.')).toBeTruthy();
    await change('x', 'purple engine forty doves');
    expect(await screen.findByText('Is not your password.')).toBeTruthy();
  });
});

describe('who sees what', () => {
  test.each(['VIEWER', 'ANALYST'] as const)('a %s sees the gateway and the own password', async (role) => {
    const shown = settings({}, { name: 'vera', role, demo: false });
    await panel('Gateway');
    await panel('Your password');
    expect(screen.queryByRole('region', { name: 'Operators' })).toBeNull();
    expect(screen.queryByRole('region', { name: 'API tokens' })).toBeNull();
    expect(shown.asked('SettingsOperators')).toEqual([]);
  });

  test('the demo has no operators, and says so', async () => {
    settings(
      { SettingsHealth: health({ mode: 'ENFORCE', demo: true }) },
      { name: 'demo', role: 'ADMIN', demo: true },
    );
    expect(await screen.findByText(/The demo knows no operators/)).toBeTruthy();
    expect(screen.queryByRole('region', { name: 'Your password' })).toBeNull();
  });
});
