import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';
import { show } from '../../testing/show';
import { runs } from './runs';
import { SimulatorPage } from './SimulatorPage';
import { createSimulation, type Ground } from './simulation';
import { aDemo, type Demo } from './testing';

const soon = { timeout: 15_000 };

vi.setConfig({ testTimeout: 20_000 }); // runs take real time: a second each, on an idle machine

beforeEach(() => localStorage.clear());

function page(demo: Demo, ground: Partial<Ground> = {}, at = '/simulator') {
  const simulation = createSimulation({ ...demo, rest: 0, patience: 1000, ...ground });
  const rules = [{ id: 'rate-abuse', title: 'Too many requests', explanation: 'More than 100 in a minute.' }];
  const shown = show(<SimulatorPage simulation={simulation} />, { SimulatorRules: { rules } }, { at });
  /** Waits for the end of a run without searching the page at each of its pictures. */
  const over = () =>
    waitFor(() => {
      const { running, views } = simulation.snapshot();
      expect(running).toBeNull();
      expect(Object.values(views).some((v) => v.phase !== 'idle')).toBe(true);
    }, soon);
  return { ...shown, simulation, over, user: userEvent.setup() };
}

const verdicts = () => within(screen.getByRole('region', { name: 'Promises' })).getAllByRole('listitem');
const figures = () => screen.getByLabelText('Figures of the run').textContent;

test('lists every scenario, near misses apart, and says what the chosen one shows', async () => {
  page(aDemo());
  const attacks = screen.getByRole('region', { name: 'Baseline and attacks' });
  expect(
    within(attacks)
      .getAllByRole('button')
      .map((b) => b.textContent),
  ).toContainEqual(expect.stringMatching(/^Distributed attack/));
  expect(within(screen.getByRole('region', { name: 'Near misses' })).getAllByRole('button')).toHaveLength(10);
  expect(await screen.findByText('Too many requests')).toBeTruthy();
  expect(screen.getByText(/A client may ask 100 times within a minute/)).toBeTruthy();
});

test('names rules by their id where the console does not say more', () => {
  show(<SimulatorPage simulation={createSimulation(aDemo())} />, {
    SimulatorRules: () => {
      throw new Error('the database is away');
    },
  });
  expect(screen.getByText('rate-abuse')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Run' })).toBeTruthy();
});

test('shows the addresses and the promises before anything is sent', () => {
  const demo = aDemo();
  page(demo);
  const pool = screen.getByRole('region', { name: 'Addresses' });
  expect(within(pool).getByText(/^198\.1[89]\./)).toBeTruthy();
  expect(within(pool).getByText('1 idle')).toBeTruthy();
  expect(verdicts()).toHaveLength(4);
  expect(screen.getByText('Requests appear here as they are answered.')).toBeTruthy();
  expect(demo.answered()).toBe(0);
});

test('plays an attack and says in a sentence that each promise came true', async () => {
  const { user, over } = page(aDemo());
  await user.click(screen.getByRole('button', { name: 'Run' }));
  await over();
  expect(screen.getByText('All 4 promises came true')).toBeTruthy();
  expect(verdicts()[0]?.textContent).toMatch(/Kept: blocked after 101 requests, \d+\.\d+ s/);
  expect(figures()).toContain('Requests150of 150');
  expect(figures()).toContain('Refused50');
  expect(figures()).toContain('Success66.7%');
  const pool = screen.getByRole('region', { name: 'Addresses' });
  expect(within(pool).getByText('1 blocked')).toBeTruthy();
  expect(within(pool).getByText('blocked, 150 of 150 answered, 50 refused')).toBeTruthy();
  const alert = screen.getByRole('link', { name: 'Open the alert' });
  expect(alert.getAttribute('href')).toBe('/alerts/7');
  expect(screen.getByRole('button', { name: /^Rate attack.*all promises kept/ })).toBeTruthy();
});

test('says in red what did not come true', async () => {
  const { user, over } = page(aDemo({ blind: true }));
  await user.click(screen.getByRole('button', { name: 'Run' }));
  await over();
  expect(screen.getByText('0 of 4 promises came true')).toBeTruthy();
  expect(verdicts()[0]?.textContent).toMatch(/Broken: request 101 of 198\.[\d.]+ got 200 instead of 429/);
  expect(screen.getByRole('button', { name: /^Rate attack.*promises broken/ })).toBeTruthy();
});

test('logs the newest answers first, and holds still when paused', async () => {
  const { user, over, simulation } = page(aDemo());
  await user.click(screen.getByRole('button', { name: 'Run' }));
  await over();
  const log = screen.getByRole('list', { name: 'Requests, newest first' });
  expect(within(log).getAllByRole('listitem')).toHaveLength(150);
  expect(log.firstChild?.textContent).toMatch(/GET \/api\/balance403 refused$/);
  const held = log.firstChild?.textContent;
  await user.click(screen.getByRole('button', { name: 'Pause' }));
  await user.click(screen.getByRole('button', { name: 'Run again' }));
  await waitFor(() => expect(simulation.snapshot().views['rate-attack']?.answered).toBeGreaterThan(9), soon);
  expect(log.firstChild?.textContent).toBe(held);
  await user.click(screen.getByRole('button', { name: 'Stop' }));
  await user.click(screen.getByRole('button', { name: 'Go on' }));
  expect(screen.getByRole('list', { name: 'Requests, newest first' }).firstChild?.textContent).not.toBe(held);
});

test('stops when told to, and claims nothing about promises it did not check', async () => {
  const { user } = page(aDemo(), {}, '/simulator?scenario=normal-traffic');
  await user.click(screen.getByRole('button', { name: 'Run' }));
  await screen.findByText('Playing from 10 addresses', {}, soon);
  await user.click(screen.getByRole('button', { name: 'Stop' }));
  expect(await screen.findByText('Stopped before its end, so nothing was checked', {}, soon)).toBeTruthy();
  expect(screen.queryByText(/came true/)).toBeNull();
  expect(screen.getByText('0 active')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Run again' })).toBeTruthy();
});

test('says that Sentinel is away, and plays after another try', async () => {
  const demo = aDemo({ away: true });
  const { user, over } = page(demo);
  await user.click(screen.getByRole('button', { name: 'Run' }));
  expect(await screen.findByText('Sentinel does not answer. Is it still running?', {}, soon)).toBeTruthy();
  demo.change({ away: false });
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await over();
  expect(screen.getByText('All 4 promises came true')).toBeTruthy();
});

test('attacks nobody but a demo', async () => {
  const demo = aDemo({ serious: true });
  const { user } = page(demo);
  await user.click(screen.getByRole('button', { name: 'Run' }));
  expect(await screen.findByText(/This is not a demo/, {}, soon)).toBeTruthy();
  expect(demo.answered()).toBe(0);
});

test('keeps the choice in the address, so that it can be shared', async () => {
  const { user, location } = page(aDemo());
  await user.click(screen.getByRole('button', { name: /^Honeypot/ }));
  expect(location()).toBe('/simulator?scenario=honeypot');
  expect(screen.getByRole('heading', { name: 'Honeypot' })).toBeTruthy();
});

test('plays one scenario at a time, and lets others be looked at meanwhile', async () => {
  const { user } = page(aDemo(), {}, '/simulator?scenario=normal-traffic');
  await user.click(screen.getByRole('button', { name: 'Run' }));
  await screen.findByText('Playing from 10 addresses', {}, soon);
  await user.click(screen.getByRole('button', { name: /^Brute force/ }));
  expect(screen.getByText('Normal traffic is being played')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Run' }).hasAttribute('disabled')).toBe(true);
  await user.click(screen.getByRole('button', { name: /^Normal traffic/ }));
  await user.click(screen.getByRole('button', { name: 'Stop' }));
});

test('a run goes on while the operator looks at another page', async () => {
  const { user, unmount, simulation } = page(aDemo());
  await user.click(screen.getByRole('button', { name: 'Run' }));
  unmount();
  await waitFor(() => expect(simulation.snapshot().views['rate-attack']?.phase).toBe('done'), soon);
  show(<SimulatorPage simulation={simulation} />);
  expect(screen.getByText('All 4 promises came true')).toBeTruthy();
});

test('cleans up what runs left behind, also those before a reload', async () => {
  runs().add({ scenario: 'honeypot', seed: 3 });
  const demo = aDemo();
  const { user, over } = page(demo);
  await user.click(screen.getByRole('button', { name: 'Run' }));
  await over();
  await user.click(screen.getByRole('button', { name: 'Clean up after 2 runs' }));
  expect(await screen.findByText('1 block lifted, 1 alert resolved.', {}, soon)).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Clean up' }).hasAttribute('disabled')).toBe(true);
  expect(demo.undone()).toEqual({ lifted: ['D-198'], resolved: ['7'] });
});

test('keeps the rest to be cleaned up when the clean-up fails', async () => {
  runs().add({ scenario: 'rate-attack', seed: 3 });
  const { user } = page(aDemo({ away: true }));
  await user.click(screen.getByRole('button', { name: 'Clean up after 1 run' }));
  expect(await screen.findByText(/The clean-up did not come to its end/, {}, soon)).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Clean up after 1 run' })).toBeTruthy();
});

test('the tour leads from stop to stop, and may be left', async () => {
  const { user, location } = page(aDemo(), { rest: 60_000 }, '/simulator?scenario=honeypot');
  await user.click(screen.getByRole('button', { name: 'Guided tour' }));
  expect(await screen.findByText('Guided tour, stop 1 of 7')).toBeTruthy();
  expect(screen.getByText(/First the baseline/)).toBeTruthy();
  expect(location()).toBe('/simulator?scenario=normal-traffic');
  expect(screen.getByRole('button', { name: /^Honeypot/ }).hasAttribute('disabled')).toBe(true);
  await user.click(screen.getByRole('button', { name: 'Leave the tour' }));
  expect(screen.queryByText(/Guided tour, stop/)).toBeNull();
  expect(await screen.findByText('Stopped before its end, so nothing was checked', {}, soon)).toBeTruthy();
  expect(screen.getByRole('button', { name: /^Honeypot/ }).hasAttribute('disabled')).toBe(false);
});
