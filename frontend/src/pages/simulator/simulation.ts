import {
  type Ask,
  asking,
  check,
  cleanup,
  expand,
  type Facts,
  fresh,
  type Plan,
  type PlayEvent,
  play,
  ready,
  refused,
  type Scenario,
  type Verdict,
} from '../../../../simulator/play';
import { many } from '../../format/numbers';
import { type Runs, runs } from './runs';
import { scenarioOf, tour } from './scenarios';

export type Phase = 'idle' | 'preparing' | 'playing' | 'checking' | 'done' | 'stopped' | 'failed';

/** One address and how far it is. */
export interface Cell {
  label: string;
  group: string;
  planned: number;
  answered: number;
  refused: number;
  /** Answers below 400. */
  fine: number;
  state: 'idle' | 'active' | 'blocked' | 'done';
}

/** One answer. */
export interface Line {
  n: number;
  /** Milliseconds after the start. */
  at: number;
  address: string;
  method: string;
  path: string;
  status: number;
  refused: boolean;
  reference: string;
}

/** A scenario's newest run, or what it would be. */
export interface View {
  phase: Phase;
  problem: string;
  cells: Cell[];
  planned: number;
  answered: number;
  refused: number;
  /** Answers below 400. */
  fine: number;
  /** Over the last second; over the whole run once it has ended. */
  perSecond: number;
  /** The newest, oldest first. */
  lines: Line[];
  verdicts: Verdict[];
  facts: Facts[];
}

/** Where the guided tour stands. */
export interface Tour {
  stop: number;
  /** It is at a stop, waits a moment before the next one, has come to its end, or was broken off. */
  state: 'playing' | 'pausing' | 'over' | 'broken';
}

export interface Snapshot {
  /** Views of the scenarios that were looked at. */
  views: Record<string, View>;
  /** The scenario that is being played. */
  running: string | null;
  tour: Tour | null;
  cleaning: boolean;
  /** What the last clean-up did, in words. */
  cleaned: string;
  /** Runs that left something behind. */
  left: number;
}

export interface Simulation {
  subscribe: (tell: () => void) => () => void;
  snapshot: () => Snapshot;
  /** Draws the addresses of the coming run, so that they can be shown. */
  look: (scenario: Scenario) => void;
  run: (scenario: Scenario, pace?: number) => Promise<void>;
  /** Ends the run, and the tour with it. */
  stop: () => void;
  clean: () => Promise<void>;
  startTour: () => void;
  /** Goes on with the tour without waiting. */
  next: () => void;
  leaveTour: () => void;
}

/** What a simulation stands on. */
export interface Ground {
  fetch: typeof fetch;
  ask: Ask;
  runs: Runs;
  random: () => number;
  /** Milliseconds that the tour rests at a stop. */
  rest: number;
  /** Milliseconds that a promise may take to show. */
  patience: number;
}

const keep = 300; // lines of the log
const frame = 100; // milliseconds between two pictures

/**
 * Plays scenarios, one at a time, and tells how it goes at most ten times a second. It lives as
 * long as the app: a run goes on while the operator watches it from the dashboard.
 */
export function createSimulation(ground: Partial<Ground> = {}): Simulation {
  const { ask = asking(), random = randomSeed, rest = 4000, patience = 5000 } = ground;
  const via = ground.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args));
  const memory = ground.runs ?? runs();
  const seeds = new Map<string, number>();
  const watchers = new Set<() => void>();
  let now: Snapshot = {
    views: {},
    running: null,
    tour: null,
    cleaning: false,
    cleaned: '',
    left: memory.all().length,
  };
  let stopper = new AbortController();
  let resting: ReturnType<typeof setTimeout> | undefined;

  function tell(change: Partial<Snapshot>) {
    now = { ...now, ...change };
    for (const watcher of watchers) watcher();
  }

  function show(id: string, change: Partial<View>) {
    const view = now.views[id] ?? blank;
    tell({ views: { ...now.views, [id]: { ...view, ...change } } });
  }

  function look(scenario: Scenario) {
    if (now.views[scenario.id]) return;
    const seed = random();
    seeds.set(scenario.id, seed);
    show(scenario.id, viewOf(expand(scenario, seed)));
  }

  // The seed that was looked at comes first, if nobody used it yet.
  function seedOf(id: string) {
    const seed = seeds.get(id) ?? random();
    seeds.delete(id);
    return seed;
  }

  async function run(scenario: Scenario, pace = 1) {
    if (now.running || now.cleaning) return;
    const { id } = scenario;
    stopper = new AbortController();
    const { signal } = stopper;
    look(scenario);
    tell({ running: id, cleaned: '' });
    show(id, { ...fromStart(now.views[id]), phase: 'preparing' });
    try {
      await ready(ask);
      const plan = await fresh(scenario, ask, () => seedOf(id));
      memory.add({ scenario: id, seed: plan.seed });
      tell({ left: memory.all().length });
      const camera = film(plan, (view) => show(id, view));
      const played = await play(plan, { fetch: via, signal, pace, onEvent: camera.on });
      camera.stop(played.took);
      if (played.stopped) return show(id, { phase: 'stopped' });
      if (played.problem) throw new Error(`The gateway went away: ${played.problem}.`);
      show(id, { phase: 'checking' });
      const checked = await check(played, ask, { signal, patience });
      show(id, { phase: 'done', ...checked });
    } catch (error) {
      if (signal.aborted) show(id, { phase: 'stopped' });
      else show(id, { phase: 'failed', problem: sentence(error) });
    } finally {
      tell({ running: null });
    }
  }

  function stop() {
    stopper.abort();
    if (now.tour?.state === 'playing' || now.tour?.state === 'pausing') leaveTour();
  }

  async function clean() {
    if (now.running || now.cleaning) return;
    tell({ cleaning: true, cleaned: '' });
    let lifted = 0;
    let resolved = 0;
    try {
      for (const one of memory.all()) {
        const scenario = scenarioOf(one.scenario);
        if (scenario) {
          const undone = await cleanup(expand(scenario, one.seed), ask);
          lifted += undone.lifted;
          resolved += undone.resolved;
        }
        memory.remove(one);
        tell({ left: memory.all().length });
      }
      tell({ cleaned: `${many(lifted, 'block')} lifted, ${many(resolved, 'alert')} resolved.` });
    } catch (error) {
      tell({ cleaned: `The clean-up did not come to its end: ${sentence(error)}` });
      throw error;
    } finally {
      tell({ cleaning: false });
    }
  }

  async function visit(index: number) {
    const stop = tour[index];
    if (!stop) return tell({ tour: { stop: tour.length - 1, state: 'over' } });
    tell({ tour: { stop: index, state: 'playing' } });
    const scenario = scenarioOf(stop.scenario);
    let went = true;
    if (scenario) {
      await run(scenario);
      went = now.views[scenario.id]?.phase === 'done';
    }
    if (stop.clean) await clean().catch(() => (went = false));
    if (now.tour?.stop !== index || now.tour.state !== 'playing') return; // somebody left it
    if (!went) return tell({ tour: { stop: index, state: 'broken' } });
    if (index === tour.length - 1) return tell({ tour: { stop: index, state: 'over' } });
    tell({ tour: { stop: index, state: 'pausing' } });
    resting = setTimeout(next, rest);
  }

  function startTour() {
    if (!now.running && !now.cleaning) void visit(0);
  }

  function next() {
    clearTimeout(resting);
    if (now.tour?.state === 'pausing') void visit(now.tour.stop + 1);
  }

  function leaveTour() {
    clearTimeout(resting);
    tell({ tour: null });
    stopper.abort();
  }

  return {
    subscribe: (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    snapshot: () => now,
    look,
    run,
    stop,
    clean,
    startTour,
    next,
    leaveTour,
  };
}

const blank: View = {
  phase: 'idle',
  problem: '',
  cells: [],
  planned: 0,
  answered: 0,
  refused: 0,
  fine: 0,
  perSecond: 0,
  lines: [],
  verdicts: [],
  facts: [],
};

function viewOf(plan: Plan): View {
  const cells = plan.actors.map(
    (a): Cell => ({
      label: a.label,
      group: a.group,
      planned: a.requests.length,
      answered: 0,
      refused: 0,
      fine: 0,
      state: 'idle',
    }),
  );
  return { ...blank, cells, planned: plan.requests };
}

function fromStart(view: View | undefined): View {
  const cells = (view?.cells ?? []).map(
    (c): Cell => ({ ...c, answered: 0, refused: 0, fine: 0, state: 'idle' }),
  );
  return { ...blank, cells, planned: view?.planned ?? 0 };
}

/** Follows a run and shows a picture of it now and then. */
function film(plan: Plan, show: (view: Partial<View>) => void) {
  const view = viewOf(plan);
  const cells = view.cells;
  let lines: Line[] = [];
  let times: number[] = []; // of the answers within the last second
  let due: ReturnType<typeof setTimeout> | undefined;
  let n = 0;

  function picture(perSecond: number) {
    due = undefined;
    lines = lines.slice(-keep);
    show({
      phase: 'playing',
      cells: cells.map((c) => ({ ...c })),
      planned: view.planned,
      answered: view.answered,
      refused: view.refused,
      fine: view.fine,
      perSecond,
      lines,
    });
  }

  function on(event: PlayEvent) {
    const cell = cells[event.actor] as Cell;
    if (event.type === 'asked' && cell.state === 'idle') cell.state = 'active';
    if (event.type === 'ended' && cell.state !== 'blocked') cell.state = 'done';
    if (event.type === 'answered') {
      const { outcome: o } = event;
      const asked = plan.actors[event.actor]?.requests[event.request];
      if (!asked) return;
      const no = refused(o);
      if (o.status !== 0) {
        cell.answered++;
        view.answered++;
        times.push(o.answered);
      }
      if (no) {
        cell.state = 'blocked';
        cell.refused++;
        view.refused++;
      }
      if (o.status !== 0 && o.status < 400) {
        cell.fine++;
        view.fine++;
      }
      const { address, method, path } = asked;
      const { status, reference = '', answered: at } = o;
      lines.push({ n: ++n, at, address, method, path, status, refused: no, reference });
    }
    due ??= setTimeout(() => {
      const last = times.at(-1) ?? 0;
      times = times.filter((t) => t > last - 1000);
      picture(last < 1000 ? (times.length * 1000) / Math.max(last, 250) : times.length);
    }, frame);
  }

  picture(0);
  return {
    on,
    stop(took: number) {
      clearTimeout(due);
      for (const cell of cells) if (cell.state === 'active') cell.state = 'idle'; // it was broken off
      picture(took > 0 ? (view.answered * 1000) / took : 0);
    },
  };
}

const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] as number;

/** An error as a sentence; what fetch throws says nothing to a person. */
function sentence(error: unknown): string {
  if (error instanceof TypeError) return 'Sentinel does not answer. Is it still running?';
  return error instanceof Error ? error.message : String(error);
}
