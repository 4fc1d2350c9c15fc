import { clock, exact } from '../../format/time';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import type { Action } from '../../gql/schema';
import { inForce } from '../../ui/decisions';

const states: Record<Action, string> = {
  BLOCK: 'is blocked',
  THROTTLE: 'is throttled',
  MONITOR: 'is watched',
  ALLOW: 'is allowed',
};

const nouns: Record<Action, string> = {
  BLOCK: 'block',
  THROTTLE: 'throttle',
  MONITOR: 'watch',
  ALLOW: 'allowance',
};

/** What became of it, in a sentence or two. */
export function outcome(alert: AlertDetailFragment, now = Date.now()): string {
  const d = alert.decision;
  const other = alert.decisions.find((o) => o.id !== d?.id && o.action === 'BLOCK' && inForce(o, now));
  const also = other ? ` ${whom(other)} is blocked by ${other.by} ${ends(other, now)}.` : '';
  if (!d) return also.trim() || 'Nobody was blocked because of it.';
  if (d.liftedAt) {
    const who = d.liftedBy ?? 'somebody';
    return `The ${nouns[d.action]} was lifted by ${who} at ${when(d.liftedAt, now)}.${also}`;
  }
  if (!inForce(d, now))
    return `The ${nouns[d.action]} ended by itself${d.until ? ` at ${when(d.until, now)}` : ''}.${also}`;
  return `${whom(d)} ${states[d.action]} ${ends(d, now)}.`;
}

/** At the beginning of a sentence. */
function whom({ target }: AlertDetailFragment['decisions'][number]): string {
  return target.network ? target.label : target.label.charAt(0).toUpperCase() + target.label.slice(1);
}

function ends(decision: { until: string | null }, now: number): string {
  return decision.until ? `until ${when(decision.until, now)}` : 'until somebody lifts it';
}

/** The time of day today, else with its date. */
export function when(at: string, now = Date.now()): string {
  return new Date(at).toDateString() === new Date(now).toDateString() ? clock(at) : exact(at);
}
