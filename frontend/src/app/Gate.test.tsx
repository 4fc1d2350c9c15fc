import { MantineProvider } from '@mantine/core';
import { act, createEvent, fireEvent, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Client } from '@urql/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { filter, merge, pipe } from 'wonka';
import { Router } from 'wouter';
import { memoryLocation } from 'wouter/memory-location';
import { Session } from '../api/session';
import { theme, variables } from '../ui/theme';
import { Gate } from './Gate';
import { type SetupLink, takeLink } from './setupLink';

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });

/** A console whose only operator is ada. */
function aConsole() {
  const at = { signedIn: false, setup: false, demo: false, wait: 0, token: 'once' };
  const sent: { call: string; body: Record<string, string> }[] = [];
  const who = () =>
    json(200, { id: '1', name: at.demo ? 'demo admin' : 'ada', role: 'ADMIN', demo: at.demo });
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const body = JSON.parse(String(init.body ?? '{}'));
    const call = `${init.method} ${path}`;
    sent.push({ call, body });
    if (call === 'GET /session')
      return at.signedIn || at.demo ? who() : json(401, { error: 'sign in first', setup: at.setup });
    if (call === 'DELETE /session') at.signedIn = false;
    if (call === 'POST /session') {
      if (at.wait > 0) return json(429, { error: 'too many' }, { 'retry-after': String(at.wait) });
      if (body.password !== 'winter lamp seven boats') return json(401, { error: 'wrong' });
      at.signedIn = true;
    }
    if (call === 'POST /setup') {
      if (body.token !== at.token) return json(403, { error: 'the link has been used' });
      if (body.password === 'password1234')
        return json(400, { error: 'password is one of those tried first' });
      at.signedIn = true;
    }
    return who();
  });
  return { at, sent };
}

let server: ReturnType<typeof aConsole>;
beforeEach(() => {
  server = aConsole();
});
afterEach(() => vi.unstubAllGlobals());

/** Opens the console at an address. No question that a page asks is ever answered. */
async function open(path: string, link?: SetupLink) {
  const session = new Session();
  await session.ask();
  const memory = memoryLocation({ path, record: true });
  const close = vi.fn();
  const connect = vi.fn(() => ({
    client: new Client({
      url: '/graphql',
      exchanges: [
        () => (operations) =>
          merge([
            pipe(
              operations,
              filter(() => false),
            ),
          ]) as never,
      ],
    }),
    close,
  }));
  const rendered = render(
    <MantineProvider theme={theme} cssVariablesResolver={variables} env="test">
      <Router hook={memory.hook} searchHook={memory.searchHook}>
        <Gate session={session} connect={connect} link={link} />
      </Router>
    </MantineProvider>,
  );
  return { ...rendered, session, connect, close, location: () => memory.history.at(-1) };
}

const name = () => screen.findByLabelText('Name');
const password = () => screen.findByLabelText('Password', { selector: 'input' });
const signIn = async (secret = 'winter lamp seven boats') => {
  fireEvent.change(await name(), { target: { value: 'ada' } });
  fireEvent.change(await password(), { target: { value: secret } });
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
};

describe('who is not signed in', () => {
  test('signs in, and is where the address says', async () => {
    const shown = await open('/nowhere?status=open');
    await screen.findByRole('heading', { name: 'Sign in' });
    expect(shown.connect).not.toHaveBeenCalled();
    await signIn();
    expect(await screen.findByRole('heading', { name: 'Not found' })).toBeTruthy();
    expect(shown.location()).toBe('/nowhere?status=open');
    expect(document.title).toBe('Not found · Sentinel');
  });

  test('is told that it was wrong, not what was; and the name stays', async () => {
    await open('/');
    await signIn('nonsense');
    expect(await screen.findByText('The name or the password is wrong.')).toBeTruthy();
    expect(((await name()) as HTMLInputElement).value).toBe('ada');
    fireEvent.change(await password(), { target: { value: 'x' } });
    expect(screen.queryByText('The name or the password is wrong.')).toBeNull();
  });

  test('is told what is missing, and nothing is sent', async () => {
    await open('/');
    fireEvent.change(await name(), { target: { value: 'ada' } });
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(await screen.findByText('Both are needed.')).toBeTruthy();
    expect(document.activeElement).toBe(await password());
    expect(server.sent.map((s) => s.call)).toEqual(['GET /session']);
  });

  test('waits after too many attempts, and sees how long', async () => {
    server.at.wait = 90;
    await open('/');
    await signIn();
    expect(await screen.findByText(/^Too many attempts\. Try again in 1 min (29|30) s\.$/)).toBeTruthy();
    expect((screen.getByRole('button', { name: 'Sign in' }) as HTMLButtonElement).disabled).toBe(true);
  });

  test('is warned of Caps Lock', async () => {
    await open('/');
    const key = createEvent.keyDown(await password(), { key: 'A' });
    Object.defineProperty(key, 'getModifierState', { value: (m: string) => m === 'CapsLock' });
    fireEvent(await password(), key);
    expect(await screen.findByText('Caps Lock is on.')).toBeTruthy();
    const other = createEvent.keyUp(await password(), { key: 'a' });
    Object.defineProperty(other, 'getModifierState', { value: () => false });
    fireEvent(await password(), other);
    expect(screen.queryByText('Caps Lock is on.')).toBeNull();
  });

  test('can have it filled in by a password manager', async () => {
    await open('/');
    expect((await name()).getAttribute('autocomplete')).toBe('username');
    expect((await password()).getAttribute('autocomplete')).toBe('current-password');
  });

  test('is in at once after signing in in another tab', async () => {
    await open('/nowhere');
    await name();
    server.at.signedIn = true;
    fireEvent(document, new Event('visibilitychange'));
    expect(await screen.findByRole('heading', { name: 'Not found' })).toBeTruthy();
  });

  test('is told where the first admin is made while there is none', async () => {
    server.at.setup = true;
    await open('/');
    expect(await screen.findByText(/There is no admin yet/)).toBeTruthy();
  });
});

describe('who is signed in', () => {
  test('signs out in the menu, and the address stays', async () => {
    server.at.signedIn = true;
    const shown = await open('/nowhere');
    fireEvent.click(await screen.findByText('Sign out'));
    expect(await screen.findByText('You have signed out.')).toBeTruthy();
    expect(shown.close).toHaveBeenCalledOnce();
    expect(shown.location()).toBe('/nowhere');
  });

  test('is shown the door when the session has ended, and comes back to where he was', async () => {
    server.at.signedIn = true;
    const shown = await open('/nowhere');
    await screen.findByRole('heading', { name: 'Not found' });
    act(() => shown.session.end());
    expect(await screen.findByText(/^You were signed out\./)).toBeTruthy();
    await signIn();
    expect(await screen.findByRole('heading', { name: 'Not found' })).toBeTruthy();
    expect(shown.connect).toHaveBeenCalledTimes(2); // nothing is left of what the other was told
  });

  test('is nobody in the demo: no menu, no sign-in, no setup', async () => {
    server.at.demo = true;
    const shown = await open('/setup', { token: 'once', name: '' });
    expect(await screen.findByRole('heading', { name: 'Not found' })).toBeTruthy();
    expect(screen.queryByText('Sign out')).toBeNull();
    expect(shown.connect).toHaveBeenCalledOnce();
  });
});

describe('a one-time link', () => {
  const press = (button: string) => fireEvent.click(screen.getByRole('button', { name: button }));

  test('makes the first admin, and lets him in', async () => {
    const shown = await open('/setup', { token: 'once', name: '' });
    fireEvent.change(await name(), { target: { value: 'ada' } });
    fireEvent.change(await password(), { target: { value: 'winter lamp seven boats' } });
    press('Create account');
    await waitFor(() => expect(shown.location()).toBe('/'));
    expect(server.sent.find((s) => s.call === 'POST /setup')?.body).toEqual({
      token: 'once',
      name: 'ada',
      password: 'winter lamp seven boats',
    });
    expect(await screen.findByRole('heading', { name: 'Dashboard' })).toBeTruthy();
  });

  test('says the rules of a password up front, and which are kept', async () => {
    await open('/setup', { token: 'once', name: 'ada' });
    expect(((await name()) as HTMLInputElement).readOnly).toBe(true);
    expect(screen.getByText('At least 12 characters')).toBeTruthy();
    await userEvent.type(await password(), 'I am Ada Byron');
    expect(screen.getByText('At least 12 characters').textContent).toContain('(kept)');
    expect(screen.getByText('Does not contain your name').textContent).not.toContain('(kept)');
    press('Set password and sign in');
    expect(await screen.findByText('It must not contain your name.')).toBeTruthy();
    expect(server.sent.some((s) => s.call === 'POST /setup')).toBe(false);
  });

  test('shows at the field what only the server knows of a password', async () => {
    await open('/setup', { token: 'once', name: 'ada' });
    fireEvent.change(await password(), { target: { value: 'password1234' } });
    press('Set password and sign in');
    expect(await screen.findByText('Is one of those tried first.')).toBeTruthy();
    expect(document.activeElement).toBe(await password());
  });

  test('that was used says so, and what to do', async () => {
    await open('/setup', { token: 'twice', name: 'ada' });
    fireEvent.change(await password(), { target: { value: 'winter lamp seven boats' } });
    press('Set password and sign in');
    expect(await screen.findByRole('heading', { name: 'This link is good no more' })).toBeTruthy();
    fireEvent.click(screen.getByRole('link', { name: 'To the sign-in' }));
    expect(await screen.findByRole('heading', { name: 'Sign in' })).toBeTruthy();
  });

  test('that is missing says so', async () => {
    await open('/setup');
    expect(await screen.findByRole('heading', { name: 'The link is missing' })).toBeTruthy();
  });

  test('leaves the address bar at once', () => {
    history.replaceState(null, '', '/setup#name=bo&token=s3cret');
    expect(takeLink()).toEqual({ token: 's3cret', name: 'bo' });
    expect(location.pathname + location.hash).toBe('/setup');
    expect(takeLink()).toBeUndefined();
    history.replaceState(null, '', '/');
  });
});
