import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type Ask,
  asking,
  check,
  cleanup,
  expand,
  type Facts,
  fresh,
  judge,
  type Outcome,
  type PlayEvent,
  play,
  type Run,
  ready,
  type Scenario,
} from './play';

const here = import.meta.dirname;
const read = <T>(name: string): T => JSON.parse(readFileSync(join(here, name), 'utf8'));
const scenarios = readdirSync(join(here, 'scenarios')).map((name) => read<Scenario>(`scenarios/${name}`));
const find = (id: string) => scenarios.find((s) => s.id === id) as Scenario;

afterEach(() => {
  vi.useRealTimers();
});

describe('a plan', () => {
  interface Golden {
    scenario: string;
    seed: number;
    run: string;
    actors: string[];
    requests: number;
    first: string;
    sha256: string;
  }

  test.each(read<Golden[]>('testdata/plans.json'))(
    'of $scenario with seed $seed is what Go draws',
    (golden) => {
      const plan = expand(find(golden.scenario), golden.seed);
      const lines = plan.actors.flatMap((a) =>
        a.requests.map((r) => {
          const headers = r.headers.map(([name, value]) => ` ${name}=${value}`).join('');
          return `${r.wait} ${r.address} ${r.method} ${r.path} key=${r.key}${headers} ${r.body}\n`;
        }),
      );
      expect({
        scenario: golden.scenario,
        seed: golden.seed,
        run: plan.run,
        actors: plan.actors.map((a) => a.label),
        requests: plan.requests,
        first: lines[0]?.trim(),
        sha256: createHash('sha256').update(lines.join('')).digest('hex'),
      }).toEqual(golden);
    },
  );

  test('is there for every scenario', () => {
    const golden = new Set(read<Golden[]>('testdata/plans.json').map((g) => g.scenario));
    expect([...golden].sort()).toEqual(scenarios.map((s) => s.id).sort());
  });
});

describe('a promise', () => {
  interface Judged {
    name: string;
    scenario: Scenario;
    outcomes: (Partial<Outcome> & { status: number; times?: number })[][];
    facts: Facts[];
    kept: boolean;
    sentence: string;
  }

  test.each(read<Judged[]>('testdata/verdicts.json'))('is judged as Go does: $name', (c) => {
    const outcomes = c.outcomes.map((os) =>
      os.flatMap(({ times = 1, ...o }): Outcome[] => Array(times).fill({ sent: 0, answered: 0, ...o })),
    );
    const [verdict] = judge({ plan: expand(c.scenario, 1), outcomes, facts: c.facts });
    expect({ kept: verdict?.kept, sentence: verdict?.sentence }).toEqual({
      kept: c.kept,
      sentence: c.sentence,
    });
  });
});

/** A server that answers with a status, or hangs up, depending on the request. */
function server(status: (init: RequestInit & { path: string; n: number }) => number | Promise<number>) {
  let n = 0;
  const asked: { path: string; headers: Record<string, string>; method: string; body: unknown }[] = [];
  const inFlight = new Map<string, number>();
  let most = 0;
  const via = (async (path: string, init: RequestInit) => {
    const headers = init.headers as Record<string, string>;
    const client = headers['X-Simulated-IP'] ?? '';
    asked.push({ path, headers, method: init.method ?? '', body: init.body });
    inFlight.set(client, (inFlight.get(client) ?? 0) + 1);
    most = Math.max(most, inFlight.get(client) ?? 0);
    await Promise.resolve();
    const code = await status({ ...init, path, n: ++n });
    inFlight.set(client, (inFlight.get(client) ?? 0) - 1);
    if (code === 0) throw new TypeError('Failed to fetch');
    init.signal?.throwIfAborted();
    const body = code === 403 || code === 429 ? { reference: 'D-0123456789ABC' } : {};
    return new Response(JSON.stringify(body), { status: code });
  }) as typeof fetch;
  return { via, asked, most: () => most };
}

describe('playing', () => {
  test('sends what the plan says, from simulated addresses', async () => {
    const { via, asked } = server(() => 200);
    const plan = expand(find('normal-traffic'), 1);
    await play(plan, { fetch: via, pace: 1e6 });
    expect(asked).toHaveLength(plan.requests);
    const planned = plan.actors.flatMap((a) => a.requests);
    for (const { headers, method, path, body } of asked) {
      const r = planned.find(
        (p) =>
          p.address === headers['X-Simulated-IP'] &&
          p.method === method &&
          p.path === path &&
          (headers['X-API-Key'] ?? '') === p.key &&
          (body ?? '') === p.body &&
          p.headers.every(([name, value]) => headers[name] === value),
      );
      expect(r, `${method} ${path}`).toBeDefined();
    }
  });

  test('keeps one request at a time for each address, and plays addresses side by side', async () => {
    const { via, asked, most } = server(() => 200);
    await play(expand(find('distributed-attack'), 1), { fetch: via });
    expect(most()).toBe(1);
    const first = asked.slice(0, 20).map((r) => r.headers['X-Simulated-IP']);
    expect(new Set(first).size).toBe(20);
  });

  test('tells of every request, every answer with its receipt, and every actor that ended', async () => {
    const { via } = server(({ n }) => (n > 2 ? 403 : 200));
    const events: PlayEvent[] = [];
    const run = await play(expand(find('rate-attack'), 1), { fetch: via, onEvent: (e) => events.push(e) });
    expect(events.slice(0, 2)).toMatchObject([
      { type: 'asked', actor: 0, request: 0 },
      { type: 'answered', actor: 0, request: 0, outcome: { status: 200 } },
    ]);
    expect(events.at(-1)).toEqual({ type: 'ended', actor: 0 });
    expect(events.filter((e) => e.type === 'answered')).toHaveLength(150);
    expect(run.outcomes[0]?.[2]).toMatchObject({ status: 403, reference: 'D-0123456789ABC' });
    expect(run).toMatchObject({ stopped: false, problem: '' });
  });

  test('stops when told to, and sends nothing after it', async () => {
    const { via, asked } = server(() => 200);
    const stop = new AbortController();
    const run = await play(expand(find('rate-attack'), 1), {
      fetch: via,
      signal: stop.signal,
      onEvent: (e) => e.type === 'answered' && e.request === 9 && stop.abort(),
    });
    expect(asked).toHaveLength(10);
    expect(run.stopped).toBe(true);
    expect(run.outcomes[0]).toHaveLength(10);
  });

  test('ends when nobody answers, and says so', async () => {
    const { via, asked } = server(({ n }) => (n === 3 ? 0 : 200));
    const run = await play(expand(find('rate-attack'), 1), { fetch: via });
    expect(run).toMatchObject({ problem: 'nobody answered', stopped: false });
    expect(asked).toHaveLength(3);
  });

  test('waits as long as the plan says, and not longer than the scenario allows', async () => {
    vi.useFakeTimers();
    const { via, asked } = server(() => 200);
    const run = play(expand(find('slow-payer'), 1), { fetch: via });
    await vi.advanceTimersByTimeAsync(3990);
    expect(asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(20);
    expect(asked).toHaveLength(4);
    expect((await run).took).toBeGreaterThanOrEqual(4000);
  });

  test('ends a pause when told to stop', async () => {
    vi.useFakeTimers();
    const { via, asked } = server(() => 200);
    const stop = new AbortController();
    const run = play(expand(find('slow-payer'), 1), { fetch: via, signal: stop.signal });
    await vi.advanceTimersByTimeAsync(100);
    stop.abort();
    expect((await run).stopped).toBe(true);
    expect(asked).toHaveLength(2);
  });
});

/** A console that knows what it is told to: answers by the name of the operation. */
function console_(answers: Record<string, (variables: Record<string, unknown>) => unknown>): Ask {
  return (async (question: string, variables: Record<string, unknown> = {}) => {
    const name = /(?:query|mutation) Simulator(\w+)/.exec(question)?.[1] ?? '';
    return answers[name]?.(variables);
  }) as Ask;
}

const nothing = { alerts: { edges: [] }, decisions: { edges: [] } };
const health = (waiting = 0, demo = true) => ({ health: { demo, waiting } });
const known = (requests: number) => ({ client: { requests, decisions: [], alerts: [] } });

function blocked(variables: Record<string, unknown>, severity = 'HIGH') {
  const target = { network: String(variables.network).replace('/32', '') };
  const from = '2026-11-22T10:00:00.000Z';
  const until = '2026-11-22T10:05:00.000Z';
  return {
    alerts: { edges: [{ node: { id: '1', rule: 'rate-abuse', severity, status: 'OPEN', incident: null } }] },
    decisions: {
      edges: [
        { node: { id: 'D-1', action: 'BLOCK', rule: 'rate-abuse', state: 'IN_FORCE', from, until, target } },
        {
          node: {
            id: 'D-2',
            action: 'BLOCK',
            rule: null,
            state: 'IN_FORCE',
            from,
            until: null,
            target: { network: '198.18.0.0/15' },
          },
        },
      ],
    },
  };
}

async function attack(status: (n: number) => number): Promise<Run> {
  return play(expand(find('rate-attack'), 1), { fetch: server(({ n }) => status(n)).via });
}

const shielded = (n: number) => (n > 101 ? 403 : n > 100 ? 429 : 200);

describe('checking', () => {
  test('finds every promise kept behind a shield', async () => {
    const ask = console_({ Health: () => health(), Facts: blocked });
    const { verdicts } = await check(await attack(shielded), ask);
    expect(verdicts.map((v) => v.kept)).toEqual([true, true, true, true]);
    expect(verdicts[0]?.sentence).toMatch(/^blocked after 101 requests, \d\.\d+ s$/);
  });

  test('finds every promise broken by a server that never blocks', async () => {
    const ask = console_({ Health: () => health(), Facts: () => nothing });
    const { verdicts } = await check(await attack(() => 200), ask, { patience: 0 });
    expect(verdicts.map((v) => v.kept)).toEqual([false, false, false, false]);
    expect(verdicts[1]?.sentence).toBe('50 of 50 requests got through that had to be refused');
  });

  test('asks again until what was announced has been written', async () => {
    let asked = 0;
    const ask = console_({ Health: () => health(), Facts: (v) => (++asked < 3 ? nothing : blocked(v)) });
    const { verdicts } = await check(await attack(shielded), ask);
    expect(verdicts.every((v) => v.kept)).toBe(true);
    expect(asked).toBeGreaterThanOrEqual(3);
  });

  test('does not take silence for granted while something waits to be written', async () => {
    let asked = 0;
    const plan = expand(find('beside-the-decoy'), 1);
    const { via } = server(({ path }) => (path === '/api/balance' ? 200 : 404));
    const ask = console_({
      Health: () => health(asked > 6 ? 0 : 1),
      Facts: (v) => (++asked > 6 ? blocked(v) : nothing),
    });
    const { verdicts } = await check(await play(plan, { fetch: via }), ask, { patience: 2000 });
    expect(verdicts.find((v) => v.kind === 'silent')?.kept).toBe(false);
  });

  test('ends when told to stop', async () => {
    const stop = new AbortController();
    const ask = console_({ Health: () => health(), Facts: () => nothing });
    const checked = check(await attack(shielded), ask, { signal: stop.signal });
    stop.abort();
    await expect(checked).rejects.toThrow(/abort/i);
  });
});

describe('before and after', () => {
  test('only a demo is attacked', async () => {
    await expect(ready(console_({ Health: () => health(0, false) }))).rejects.toThrow(/not a demo/);
    await expect(ready(console_({ Health: () => health() }))).resolves.toBeUndefined();
  });

  test('a fresh plan avoids addresses that the console knows', async () => {
    const taken = expand(find('rate-attack'), 1).actors[0]?.requests[0]?.address;
    const ask = console_({ Known: ({ address }) => known(address === taken ? 3 : 0) });
    const seeds = [1, 1, 2];
    const plan = await fresh(find('rate-attack'), ask, () => seeds.shift() ?? 0);
    expect(plan.seed).toBe(2);
    await expect(fresh(find('rate-attack'), console_({ Known: () => known(1) }))).rejects.toThrow(/clean up/);
  });

  test('the clean-up lifts the blocks of the run and resolves its alerts, and leaves operators alone', async () => {
    const ids: Record<string, unknown> = {};
    const ask = console_({
      Facts: blocked,
      Lift: (v) => {
        ids.lifted = v.ids;
        return { lift: { lifted: v.ids } };
      },
      Resolve: (v) => {
        ids.resolved = v.ids;
        return { resolve: v.ids };
      },
    });
    expect(await cleanup(expand(find('rate-attack'), 1), ask)).toEqual({ lifted: 1, resolved: 1 });
    expect(ids).toEqual({ lifted: ['D-1'], resolved: ['1'] });
  });

  test('a question goes to GraphQL as JSON, and a refusal of it is an error with its words', async () => {
    let sent: RequestInit = {};
    const via = (async (_: string, init: RequestInit) => {
      sent = init;
      return new Response(JSON.stringify({ errors: [{ message: 'the database is away' }] }));
    }) as typeof fetch;
    await expect(asking(via)('{ me { name } }', { a: 1 })).rejects.toThrow('the database is away');
    expect(sent.method).toBe('POST');
    expect(JSON.parse(String(sent.body))).toEqual({ query: '{ me { name } }', variables: { a: 1 } });
  });
});
