import type { PointFragment } from '../../gql/Point';

export type Point = Omit<PointFragment, '__typename'>;

/** What one can look back over, and how wide a step then is. */
export const windows = [
  { window: '15m', step: '1m', minutes: 1, label: '15 min', words: '15 minutes' },
  { window: '1h', step: '1m', minutes: 1, label: '1 h', words: 'hour' },
  { window: '6h', step: '5m', minutes: 5, label: '6 h', words: '6 hours' },
  { window: '24h', step: '15m', minutes: 15, label: '24 h', words: '24 hours' },
] as const;

export type Window = (typeof windows)[number];

const counted = ['requests', 'failed', 'refused', 'alerts'] as const;

/**
 * The points as they stand now: what the query said, with the minutes that ticked since. A tick tells of
 * one minute, so a wider step grows by what that minute gained since the query (`minutes` is what the
 * query knew of it). Counts only grow, so a tick older than the query changes nothing. The window moves:
 * as a step begins, the oldest leaves.
 */
export function withTicks(points: Point[], minutes: Point[], ticks: Point[], stepMinutes: number): Point[] {
  const step = stepMinutes * 60_000;
  const known = new Map(minutes.map((m) => [Date.parse(m.at), m]));
  const all = new Map(points.map((p) => [Date.parse(p.at), p]));
  const newest = points.at(-1);
  for (const tick of ticks) {
    const minute = Date.parse(tick.at);
    const begin = Math.floor(minute / step) * step;
    const point = all.get(begin);
    if (!point) {
      const late = newest && begin < Date.parse(newest.at);
      if (!late) all.set(begin, { ...tick, at: new Date(begin).toISOString() });
      continue;
    }
    const base = stepMinutes === 1 ? point : known.get(minute);
    const grown = { ...point };
    for (const what of counted) grown[what] += Math.max(0, tick[what] - (base?.[what] ?? 0));
    all.set(begin, grown);
  }
  return [...all.values()]
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
    .slice(points.length > 0 ? -points.length : 0);
}

/** Remembers the newest tick of each minute, and no more minutes than the query tells of. */
export function remember(ticks: Point[], tick: Point): Point[] {
  return [...ticks.filter((t) => t.at !== tick.at), tick].slice(-15);
}

/** How many passed, how many the API answered with an error, how many the gateway refused. */
export function parts(p: Point): { passed: number; failed: number; refused: number } {
  const refused = Math.min(p.refused, p.requests);
  const failed = Math.max(0, p.failed - refused);
  return { passed: Math.max(0, p.requests - failed - refused), failed, refused };
}
