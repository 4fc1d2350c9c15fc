import type { Action, DecisionState } from '../gql/schema';

interface Ends {
  state: DecisionState;
  until: string | null;
}

/** Whether a decision still counts: it may have ended since the server was asked. */
export function inForce(decision: Ends, now = Date.now()): boolean {
  return decision.state === 'IN_FORCE' && (!decision.until || new Date(decision.until).getTime() > now);
}

/** Whether a decision keeps somebody out at this time. */
export function blocks(decision: (Ends & { action: Action }) | null, now = Date.now()): boolean {
  return decision !== null && decision.action === 'BLOCK' && inForce(decision, now);
}
