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

/** What became of it, in one sentence. */
export function outcome(alert: AlertDetailFragment, now = Date.now()): string {
  const d = alert.decision;
  if (!d) return 'No decision followed: this rule only tells, or the client is exempt.';
  if (d.liftedAt)
    return `The ${nouns[d.action]} was lifted by ${d.liftedBy ?? 'somebody'} at ${when(d.liftedAt, now)}.`;
  if (!inForce(d, now))
    return `The ${nouns[d.action]} ended by itself${d.until ? ` at ${when(d.until, now)}` : ''}.`;
  const ends = d.until ? `until ${when(d.until, now)}` : 'until somebody lifts it';
  return `${d.target.label} ${states[d.action]} ${ends}.`;
}

/** The time of day today, else with its date. */
export function when(at: string, now = Date.now()): string {
  return new Date(at).toDateString() === new Date(now).toDateString() ? clock(at) : exact(at);
}
