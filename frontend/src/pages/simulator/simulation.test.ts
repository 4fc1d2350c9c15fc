import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runs } from './runs';
import { scenarioOf, tour } from './scenarios';
import { createSimulation, type Simulation } from './simulation';
import { aDemo } from './testing';

beforeEach(() => {
  localStorage.clear();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function until(true_: () => boolean) {
  for (let i = 0; i < 2000 && !true_(); i++) await vi.advanceTimersByTimeAsync(100);
  expect(true_()).toBe(true);
}

/** What is played or cleaned up, in order. */
function follow(simulation: Simulation): string[] {
  const seen: string[] = [];
  simulation.subscribe(() => {
    const { running, cleaning } = simulation.snapshot();
    const at = cleaning ? 'clean' : running;
    if (at && seen.at(-1) !== at) seen.push(at);
  });
  return seen;
}

test('the tour plays its stops in turn, rests at each, and cleans up at its end', async () => {
  const simulation = createSimulation({ ...aDemo(), rest: 4000, patience: 1000 });
  const seen = follow(simulation);
  simulation.startTour();
  await until(() => simulation.snapshot().tour?.state === 'pausing');
  expect(simulation.snapshot().tour?.stop).toBe(0);
  await vi.advanceTimersByTimeAsync(3900);
  expect(seen).toEqual(['normal-traffic']);
  await until(() => simulation.snapshot().tour?.state === 'over');
  expect(seen).toEqual(tour.map((stop) => stop.scenario ?? 'clean'));
  expect(simulation.snapshot().left).toBe(0);
});

test('the tour goes on at once when asked, and is left at any time', async () => {
  const simulation = createSimulation({ ...aDemo(), rest: 4000, patience: 1000 });
  const seen = follow(simulation);
  simulation.startTour();
  await until(() => simulation.snapshot().tour?.state === 'pausing');
  simulation.next();
  await until(() => simulation.snapshot().running === 'rate-attack');
  simulation.leaveTour();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(simulation.snapshot()).toMatchObject({ tour: null, running: null });
  expect(simulation.snapshot().views['rate-attack']?.phase).toBe('stopped');
  expect(seen).toEqual(['normal-traffic', 'rate-attack']);
});

test('the tour is broken off where a stop can not be played', async () => {
  const demo = aDemo();
  const simulation = createSimulation({ ...demo, rest: 0, patience: 1000 });
  simulation.startTour();
  await until(() => simulation.snapshot().running === 'rate-attack');
  demo.change({ away: true });
  await until(() => simulation.snapshot().tour?.state === 'broken');
  expect(simulation.snapshot().tour?.stop).toBe(1);
  expect(simulation.snapshot().running).toBeNull();
});

test('pictures come at most ten times a second, and the last one is complete', async () => {
  const simulation = createSimulation({ ...aDemo(), patience: 1000 });
  let told = 0;
  simulation.subscribe(() => told++);
  const scenario = scenarioOf('distributed-attack');
  if (!scenario) throw new Error('the scenario is there');
  void simulation.run(scenario);
  await until(() => simulation.snapshot().views[scenario.id]?.phase === 'done');
  const view = simulation.snapshot().views[scenario.id];
  expect(view).toMatchObject({ answered: 2400, refused: 400, fine: 2000 });
  expect(view?.lines).toHaveLength(300);
  expect(view?.cells.every((c) => c.state === 'blocked' && c.answered === 120)).toBe(true);
  expect(told).toBeLessThan(100);
});

test('the addresses that were shown before the run are those of the run', async () => {
  const simulation = createSimulation({ ...aDemo(), patience: 1000 });
  const scenario = scenarioOf('honeypot');
  if (!scenario) throw new Error('the scenario is there');
  const shown = () => simulation.snapshot().views.honeypot?.cells.map((c) => c.label);
  simulation.look(scenario);
  const before = shown();
  void simulation.run(scenario);
  await until(() => simulation.snapshot().running === null);
  expect(shown()).toEqual(before);
  void simulation.run(scenario);
  await until(() => simulation.snapshot().running === null);
  expect(shown()).not.toEqual(before);
});

test('what was remembered in another shape is forgotten', () => {
  localStorage.setItem('sentinel-simulator-runs', '[{"scenario":"honeypot","seed":1},{"seed":"x"},7,null]');
  expect(runs().all()).toEqual([{ scenario: 'honeypot', seed: 1 }]);
  localStorage.setItem('sentinel-simulator-runs', 'no JSON');
  expect(runs().all()).toEqual([]);
});
