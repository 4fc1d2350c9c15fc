// Scenarios and the plans that are drawn from them. plan.go draws the same; scenario.schema.json
// says how, and testdata/plans.json holds both to it.

export type Kind = 'normal' | 'attack' | 'near-miss';

/** Traffic, and what must be said about it. */
export interface Scenario {
  id: string;
  title: string;
  kind: Kind;
  order: number;
  summary: string;
  explains: string;
  shows?: string[];
  nearly?: { rule: string; tip: Step };
  longestWait?: number;
  actors: Group[];
  promises: Promised[];
}

/** Actors that behave alike, each from an address of its own. */
export interface Group {
  name: string;
  label: string;
  count: number;
  addresses: { pool: string; network?: string; rotates?: boolean };
  key?: string;
  headers?: Record<string, string>;
  starts?: Span;
  rounds?: number;
  steps: Step[];
}

export interface Step {
  method: string;
  path: string;
  key?: string;
  headers?: Record<string, string>;
  body?: unknown;
  repeat?: number;
  pace?: Span;
}

/** Milliseconds, drawn anew each time. */
export interface Span {
  from: number;
  to: number;
}

/** One thing that must come true. */
export interface Promised {
  kind: string;
  group?: string;
  from?: number;
  to?: number;
  status?: number;
  then?: number;
  max?: number;
  rule?: string;
  severity?: string;
  action?: string;
  seconds?: number;
  exactly?: number;
  alone?: boolean;
  claim: string;
  kept: string;
}

/** A scenario with everything drawn: the exact requests of one run. */
export interface Plan {
  scenario: Scenario;
  seed: number;
  run: string;
  actors: Actor[];
  requests: number;
}

/** One client, and what it asks for, one request at a time. */
export interface Actor {
  group: string;
  n: number;
  /** As an operator writes it: an IPv4 address, or an IPv6 network. */
  label: string;
  /** As the rules count it: an IPv4 /32, an IPv6 /64. */
  network: string;
  requests: PlannedRequest[];
}

export interface PlannedRequest {
  /** Milliseconds after the answer before it, or after the start. */
  wait: number;
  address: string;
  method: string;
  path: string;
  /** Empty for none. */
  key: string;
  headers: [name: string, value: string][];
  /** JSON, or empty for none. */
  body: string;
}

/** Draws everything that a scenario leaves to chance; the seed is a whole number of 0 or more. */
export function expand(scenario: Scenario, seed: number): Plan {
  const { id } = scenario;
  const run = (dice(seed, `${id}/run`).next() >>> 8).toString(16).padStart(6, '0');
  const where = atlas(dice(seed, `${id}/networks`), dice(seed, `${id}/hosts`));
  const actors = scenario.actors.flatMap((group) =>
    Array.from({ length: group.count }, (_, i) => {
      const n = i + 1;
      return actor(group, n, run, where(group.addresses), dice(seed, `${id}/${group.name}/${n}`));
    }),
  );
  const requests = actors.reduce((sum, a) => sum + a.requests.length, 0);
  return { scenario, seed, run, actors, requests };
}

/** The actors of a group, all of them without one, as indexes. */
export function members(plan: Plan, group?: string): number[] {
  return plan.actors.flatMap((a, i) => (!group || a.group === group ? [i] : []));
}

function actor(group: Group, n: number, run: string, at: Place, d: Dice): Actor {
  const v6 = at.subnet !== '';
  const network = v6 ? `${at.subnet}::/64` : `${at.address}/32`;
  const requests: PlannedRequest[] = [];
  const first = within(d, group.starts);
  for (let round = 1; round <= (group.rounds || 1); round++) {
    for (const step of group.steps) {
      for (let i = 1; i <= (step.repeat || 1); i++) {
        const fill = (text: string) =>
          text.replace(/\{(?:n|i|round|run)\}/g, (slot) => String({ n, i, round, run }[slot.slice(1, -1)]));
        const planned = request(group, step, at, fill, d);
        if (requests.length === 0) planned.wait += first;
        requests.push(planned);
      }
    }
  }
  return { group: group.name, n, label: v6 ? network : at.address, network, requests };
}

function request(
  group: Group,
  step: Step,
  at: Place,
  fill: (text: string) => string,
  d: Dice,
): PlannedRequest {
  const wait = within(d, step.pace);
  const address = group.addresses.rotates ? `${at.subnet}::${hex(1 + d.below(0xffff))}` : at.address;
  const headers = Object.entries({ ...group.headers, ...step.headers })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]): [string, string] => [name, fill(value)]);
  return {
    wait,
    address,
    method: step.method,
    path: fill(step.path),
    key: fill(step.key ?? group.key ?? ''),
    headers,
    body: step.body === undefined ? '' : fill(JSON.stringify(step.body)),
  };
}

/** Where an actor is: its address, and for IPv6 the first half of it. */
interface Place {
  address: string;
  subnet: string;
}

const v6Pool = '2001:db8::/32';

/** Hands out addresses: every actor another one, and a network of its own unless its group names it. */
function atlas(networks: Dice, hosts: Dice): (of: Group['addresses']) => Place {
  const named = new Map<string, number>();
  const takenNetworks = new Set<string>();
  const taken = new Set<string>();

  function network(pool: string): number {
    for (;;) {
      const n = pool === v6Pool ? 1 + networks.below(0xffff) : networks.below(512);
      if (!takenNetworks.has(pool + n)) {
        takenNetworks.add(pool + n);
        return n;
      }
    }
  }

  function host(pool: string, n: number): Place {
    if (pool !== v6Pool) {
      return { address: `198.${18 + (n >> 8)}.${n & 255}.${1 + hosts.below(254)}`, subnet: '' };
    }
    const subnet = `2001:db8:${hex(n)}:${hex(1 + hosts.below(0xffff))}`;
    return { address: `${subnet}::${hex(1 + hosts.below(0xffff))}`, subnet };
  }

  return ({ pool, network: name }) => {
    const n = (name && named.get(name)) ?? network(pool);
    if (name) named.set(name, n as number);
    for (;;) {
      const at = host(pool, n as number);
      if (!taken.has(at.address)) {
        taken.add(at.address);
        return at;
      }
    }
  };
}

const hex = (n: number) => n.toString(16);

/** A xorshift generator of 32 bits that begins at a hash of the seed and a purpose. Not for secrets. */
interface Dice {
  next(): number;
  /** From 0 to n-1. */
  below(n: number): number;
}

function dice(seed: number, purpose: string): Dice {
  let state = 2166136261;
  for (const byte of new TextEncoder().encode(`${seed}/${purpose}`)) {
    state = Math.imul(state ^ byte, 16777619) >>> 0;
  }
  if (state === 0) state = 1; // the one state that xorshift never leaves
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  for (let i = 0; i < 4; i++) next(); // neighbouring hashes drift apart
  return { next, below: (n) => Math.floor((next() * n) / 2 ** 32) };
}

function within(d: Dice, span?: Span): number {
  return span ? span.from + d.below(span.to - span.from + 1) : 0;
}
