/** What a picture of a count against its limit is drawn from; places go from 0 to 1, left to right and bottom to top. */
export interface Curve {
  /** How many had been counted at which place, a step up at each. */
  points: { x: number; y: number; n: number }[];
  limit: number;
  /** The part of the window that is drawn, in seconds. */
  seconds: number;
  /** From the first to the last that was counted, in seconds. */
  took: number;
  /** Where in the window the drawn part begins, 0 unless it is a close-up. */
  from: number;
}

const head = 1.18; // room above the highest
const closeUp = 1 / 8; // less of the window than that is drawn larger

/**
 * The count as it grew over the window, which ends with the exchange that tripped the rule. When all
 * came within a small part of the window, that part alone is drawn.
 */
export function curve(alert: {
  times: string[];
  count: number;
  limit: number;
  windowSeconds: number;
}): Curve | undefined {
  const times = alert.times.map((t) => Date.parse(t)).sort((a, b) => a - b);
  const [first, last] = [times[0], times.at(-1)];
  if (times.length > alert.count) return undefined; // what was counted are values, not these exchanges
  if (first === undefined || last === undefined || times.length < 2 || alert.windowSeconds <= 0)
    return undefined;
  const took = (last - first) / 1000;
  const near = took < alert.windowSeconds * closeUp;
  const seconds = near ? Math.max(took * 1.15, 0.02) : alert.windowSeconds;
  const begin = last - seconds * 1000;
  const before = Math.max(0, alert.count - times.length); // only the newest times are kept
  const most = Math.max(alert.count, alert.limit) * head;
  return {
    points: times.map((t, i) => ({
      x: Math.min(1, Math.max(0, (t - begin) / (seconds * 1000))),
      y: (before + i + 1) / most,
      n: before + i + 1,
    })),
    limit: alert.limit / most,
    seconds,
    took,
    from: near ? 1 - seconds / alert.windowSeconds : 0,
  };
}

/** The curve as a path in a box of 1000 × 1000, with y downwards. */
export function path(curve: Curve, closed: boolean): string {
  const at = (n: number) => Math.round(n * 1000);
  let d = `M0 ${at(1 - (((curve.points[0]?.n ?? 1) - 1) / (curve.points[0]?.n ?? 1)) * (curve.points[0]?.y ?? 0))}`;
  for (const p of curve.points) d += `H${at(p.x)}V${at(1 - p.y)}`;
  d += 'H1000';
  return closed ? `${d}V1000H0Z` : d;
}
