// Plays scenarios in a browser, with real requests to the gateway that serves the page, and asks
// the console what came of it. It knows nothing of React; play.go and ask.go do the same.

import { type Facts, judge, type Outcome, type Played, refused, type Verdict } from './judge';
import { type Actor, expand, type Plan, type PlannedRequest, type Scenario } from './plan';
import questions from './questions.json';

export * from './judge';
export * from './plan';

/** What happens while a plan is played. */
export type PlayEvent =
  | { type: 'asked'; actor: number; request: number; at: number }
  | { type: 'answered'; actor: number; request: number; outcome: Outcome }
  | { type: 'ended'; actor: number };

export interface PlayOptions {
  fetch?: typeof fetch;
  /** Scheme and host; the page's own when absent. */
  base?: string;
  onEvent?: (event: PlayEvent) => void;
  signal?: AbortSignal;
  /** How much faster pauses pass: 10 is ten times as fast. */
  pace?: number;
}

/** What became of a plan. Outcomes are incomplete when it was stopped or the target went away. */
export interface Run extends Omit<Played, 'facts'> {
  /** Milliseconds. */
  took: number;
  stopped: boolean;
  /** Why nobody answered, empty when somebody always did. */
  problem: string;
}

/**
 * Sends the requests of a plan: actors side by side, each of them one request at a time, as a
 * client that waits for its answers. It does not throw: what went wrong is in the run.
 */
export async function play(plan: Plan, options: PlayOptions = {}): Promise<Run> {
  const { onEvent = () => {}, signal, pace = 1 } = options;
  const began = performance.now();
  const clock = () => performance.now() - began;
  const over = new AbortController();
  const end = () => over.abort();
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end, { once: true });
  const outcomes: Outcome[][] = plan.actors.map(() => []);
  let problem = '';

  await Promise.all(
    plan.actors.map(async (a, actor) => {
      const did = outcomes[actor] as Outcome[];
      for (const [request, planned] of a.requests.entries()) {
        await pause(Math.min(planned.wait, plan.scenario.longestWait || planned.wait) / pace, over.signal);
        if (over.signal.aborted) return;
        onEvent({ type: 'asked', actor, request, at: clock() });
        const outcome = await send(planned, options, over.signal, clock);
        if (over.signal.aborted) return;
        did.push(outcome);
        onEvent({ type: 'answered', actor, request, outcome });
        if (outcome.status === 0) {
          problem ||= outcome.problem ?? '';
          end();
          return;
        }
      }
      onEvent({ type: 'ended', actor });
    }),
  );
  signal?.removeEventListener('abort', end);
  return { plan, outcomes, took: clock(), stopped: signal?.aborted ?? false, problem };
}

async function send(
  planned: PlannedRequest,
  { fetch: ask = fetch, base = '' }: PlayOptions,
  signal: AbortSignal,
  clock: () => number,
): Promise<Outcome> {
  const headers: Record<string, string> = { 'X-Simulated-IP': planned.address };
  if (planned.key) headers['X-API-Key'] = planned.key;
  if (planned.body) headers['Content-Type'] = 'application/json';
  for (const [name, value] of planned.headers) headers[name] = value;
  const sent = clock();
  try {
    const answer = await ask(base + planned.path, {
      method: planned.method,
      headers,
      body: planned.body || null,
      signal,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'manual',
    });
    const body = await answer.text();
    const outcome: Outcome = { status: answer.status, sent, answered: clock() };
    if (outcome.status === 0) outcome.problem = 'it sends the request elsewhere';
    if (refused(outcome)) outcome.reference = referenceIn(body);
    return outcome;
  } catch {
    return { status: 0, sent, answered: clock(), problem: 'nobody answered' };
  }
}

// A refusal without a reference breaks its promise, so nothing is thrown here.
function referenceIn(body: string): string {
  try {
    const receipt: unknown = JSON.parse(body);
    const { reference } = receipt as { reference?: unknown };
    return typeof reference === 'string' ? reference : '';
  } catch {
    return '';
  }
}

/** Puts a question to the console's GraphQL and gives the data, or throws an Error that says why not. */
export type Ask = <T>(question: string, variables?: Record<string, unknown>) => Promise<T>;

/** Asks by POST, at the page's own host when there is no base. */
export function asking(via: typeof fetch = fetch, base = ''): Ask {
  return async <T>(query: string, variables: Record<string, unknown> = {}) => {
    const answer = await via(`${base}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const said = (await answer.json()) as { data?: T; errors?: { message: string }[] };
    if (said.errors?.[0]) throw new Error(said.errors[0].message);
    return said.data as T;
  };
}

const sideBySide = 4; // questions at a time
const between = 150; // milliseconds between rounds of questions
const quiet = 700; // longer than a batch of traffic waits to be written
const later = new Set(['alert', 'decision', 'incident']); // promises that may come true after the last answer
const tries = 20; // seeds, to find addresses that nobody knows

interface Health {
  health: { demo: boolean; waiting: number };
}

/** Throws when the console is not that of a demo: it would count simulated attacks against the one who asks. */
export async function ready(ask: Ask): Promise<void> {
  const { health } = await ask<Health>(questions.health);
  if (!health.demo) {
    throw new Error('This is not a demo: it would count simulated attacks against your own address.');
  }
}

/**
 * Draws a plan whose addresses the console has not seen within the hour, so that a run does not
 * meet the blocks and alerts of an earlier one.
 */
export async function fresh(scenario: Scenario, ask: Ask, random: () => number = randomSeed): Promise<Plan> {
  for (let i = 0; i < tries; i++) {
    const plan = expand(scenario, random());
    const known = await eachActor(plan, async (a) => {
      const { client } = await ask<{
        client: { requests: number; decisions: unknown[]; alerts: unknown[] };
      }>(questions.known, { address: a.requests[0]?.address });
      return client.requests > 0 || client.decisions.length > 0 || client.alerts.length > 0;
    });
    if (!known.includes(true)) return plan;
  }
  throw new Error(`The addresses of ${tries} runs are known already: clean up, then play again.`);
}

const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] as number;

/** What came of the promises, and what the console knows of each actor. */
export interface Checked {
  verdicts: Verdict[];
  facts: Facts[];
}

export interface CheckOptions {
  signal?: AbortSignal;
  /** Milliseconds that a promise may take to show. */
  patience?: number;
}

/**
 * Asks the console what it made of a run and judges every promise. What is announced may be
 * written a moment later, so it asks again while a promise may still come true, at most for
 * patience; and it waits until everything has been written, so that silence is silence for good.
 */
export async function check(run: Run, ask: Ask, options: CheckOptions = {}): Promise<Checked> {
  const { signal, patience = 5000 } = options;
  const began = performance.now();
  for (;;) {
    const facts = await factsOf(run.plan, ask);
    const { health } = await ask<Health>(questions.health);
    const verdicts = judge({ ...run, facts });
    const took = performance.now() - began;
    const open = verdicts.some((v) => !v.kept && later.has(v.kind));
    const settled = took >= quiet && health.waiting === 0 && !open;
    if (settled || took >= patience) return { verdicts, facts };
    await pause(between, signal);
    signal?.throwIfAborted();
  }
}

interface SaidOfActor {
  alerts: { edges: { node: SaidAlert }[] };
  decisions: { edges: { node: SaidDecision }[] };
}

interface SaidAlert {
  id: string;
  rule: string;
  severity: string;
  status: string;
  incident: { id: string; reference: string } | null;
}

interface SaidDecision {
  id: string;
  action: string;
  rule: string | null;
  state: string;
  from: string;
  until: string | null;
  target: { network: string | null };
}

function factsOf(plan: Plan, ask: Ask): Promise<Facts[]> {
  return eachActor(plan, async (a) => {
    const variables = { network: a.network, address: a.requests[0]?.address };
    const said = await ask<SaidOfActor>(questions.facts, variables);
    return {
      alerts: said.alerts.edges.map(({ node: n }) => ({
        id: n.id,
        rule: n.rule,
        severity: n.severity,
        open: n.status === 'OPEN',
        incident: n.incident?.id ?? '',
        reference: n.incident?.reference ?? '',
      })),
      decisions: said.decisions.edges.map(({ node: n }) => ({
        id: n.id,
        action: n.action,
        rule: n.rule ?? '',
        own: n.target.network !== null && whole(n.target.network) === a.network,
        inForce: n.state === 'IN_FORCE',
        seconds: n.until === null ? 0 : Math.round((Date.parse(n.until) - Date.parse(n.from)) / 1000),
      })),
    };
  });
}

/** A single address as the network that it is. */
const whole = (network: string) =>
  network.includes('/') ? network : `${network}/${network.includes(':') ? 128 : 32}`;

/**
 * Undoes what a run left behind: lifts the blocks of its own addresses that a rule made, and
 * resolves their open alerts. Operators' entries stay.
 */
export async function cleanup(plan: Plan, ask: Ask): Promise<{ lifted: number; resolved: number }> {
  const facts = await factsOf(plan, ask);
  const decisions = facts.flatMap((f) =>
    f.decisions.filter((d) => d.own && d.inForce && d.rule).map((d) => d.id),
  );
  const alerts = facts.flatMap((f) => f.alerts.filter((a) => a.open).map((a) => a.id));
  let lifted = 0;
  let resolved = 0;
  if (decisions.length > 0) {
    const done = await ask<{ lift: { lifted: unknown[] } }>(questions.lift, { ids: decisions });
    lifted = done.lift.lifted.length;
  }
  if (alerts.length > 0) {
    resolved = (await ask<{ resolve: unknown[] }>(questions.resolve, { ids: alerts })).resolve.length;
  }
  return { lifted, resolved };
}

async function eachActor<T>(plan: Plan, ask: (a: Actor) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < plan.actors.length; i = next++) all[i] = await ask(plan.actors[i] as Actor);
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  return all;
}

/** Waits, but not beyond the signal. */
function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (milliseconds <= 0 || signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done);
  });
}
