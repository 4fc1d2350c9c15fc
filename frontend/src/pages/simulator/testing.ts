import type { Ask } from '../../../../simulator/play';

/** How a demo for tests behaves. */
interface Manner {
  /** Lets everything through and knows nothing. */
  blind?: boolean;
  /** Does not answer. */
  away?: boolean;
  /** Says that it is no demo. */
  serious?: boolean;
}

export interface Demo {
  fetch: typeof fetch;
  ask: Ask;
  change: (manner: Manner) => void;
  answered: () => number;
  undone: () => { lifted: unknown; resolved: unknown };
}

/** A gateway that counts each address to a hundred, and its console. */
export function aDemo(manner: Manner = {}): Demo {
  const asked = new Map<string, number>();
  const undone: { lifted: unknown; resolved: unknown } = { lifted: [], resolved: [] };
  let answered = 0;

  const via = async (_: unknown, init?: RequestInit) => {
    await new Promise((resolve) => setTimeout(resolve));
    init?.signal?.throwIfAborted();
    if (manner.away) throw new TypeError('Failed to fetch');
    const client = new Headers(init?.headers).get('X-Simulated-IP') ?? '';
    const n = (asked.get(client) ?? 0) + 1;
    asked.set(client, n);
    answered++;
    const status = manner.blind || n <= 100 ? 200 : n === 101 ? 429 : 403;
    return new Response(JSON.stringify(status === 200 ? {} : { reference: 'D-198' }), { status });
  };

  const answers: Record<string, (v: Record<string, unknown>) => unknown> = {
    Health: () => ({ health: { demo: !manner.serious, waiting: 0 } }),
    Known: () => ({ client: { requests: 0, decisions: [], alerts: [] } }),
    Facts: ({ address, network }) => {
      const stopped = !manner.blind && (asked.get(String(address)) ?? 0) > 100;
      if (!stopped) return { alerts: { edges: [] }, decisions: { edges: [] } };
      const rule = 'rate-abuse';
      const [from, until] = ['2026-11-22T10:00:00Z', '2026-11-22T10:05:00Z'];
      const target = { network };
      return {
        alerts: { edges: [{ node: { id: '7', rule, severity: 'HIGH', status: 'OPEN', incident: null } }] },
        decisions: {
          edges: [{ node: { id: 'D-198', action: 'BLOCK', rule, state: 'IN_FORCE', from, until, target } }],
        },
      };
    },
    Lift: ({ ids }) => {
      undone.lifted = ids;
      return { lift: { lifted: ids } };
    },
    Resolve: ({ ids }) => {
      undone.resolved = ids;
      return { resolve: ids };
    },
  };

  const ask = (async (question: string, variables: Record<string, unknown> = {}) => {
    if (manner.away) throw new TypeError('Failed to fetch');
    return answers[/Simulator(\w+)/.exec(question)?.[1] ?? '']?.(variables);
  }) as Ask;

  return {
    fetch: via,
    ask,
    change: (next) => Object.assign(manner, next),
    answered: () => answered,
    undone: () => undone,
  };
}
