import { useCallback } from 'react';
import { useClient } from 'urql';
import { explain } from '../../api/explain';
import { many } from '../../format/numbers';
import { IpAllowDocument } from '../../gql/IpAllow';
import { IpBlockDocument } from '../../gql/IpBlock';
import { IpLiftDocument } from '../../gql/IpLift';
import { IpMonitorDocument } from '../../gql/IpMonitor';
import type { IpRowFragment } from '../../gql/IpRow';
import type { Action, DecideInput } from '../../gql/schema';
import { toast } from '../../ui/toasts';

/** What an operator can place. */
export type Placed = 'BLOCK' | 'ALLOW' | 'MONITOR';

const documents = { BLOCK: IpBlockDocument, ALLOW: IpAllowDocument, MONITOR: IpMonitorDocument };

/** Whether an operator can place this decision again: not what is about a key, and not a throttle. */
export function canPlaceAgain(d: IpRowFragment): boolean {
  return d.action in documents && d.target.network !== null;
}

/** What comes of a decision when it is lifted, about one or several targets. */
export function freed(action: Action, who: string): string {
  if (action === 'ALLOW') return `${who} is judged by the rules again.`;
  return action === 'MONITOR' ? `${who} is not watched any more.` : `${who} passes again.`;
}

/** Changes to the list, each with its way back. */
export function usePlace(onChanged: () => void) {
  const client = useClient();

  const place = useCallback(
    (action: Placed, input: DecideInput) => client.mutation(documents[action], { input }).toPromise(),
    [client],
  );

  const lift = useCallback((ids: string[]) => client.mutation(IpLiftDocument, { ids }).toPromise(), [client]);

  /** Places lifted decisions again, for what was left of them, as the operator's own. */
  const placeAgain = useCallback(
    async (decisions: IpRowFragment[], now = Date.now()) => {
      for (const d of decisions) {
        const left = d.until ? Math.ceil((Date.parse(d.until) - now) / 1000) : undefined;
        const duration = left === undefined ? null : `${Math.max(1, left)}s`;
        const { error } = await place(d.action as Placed, {
          target: d.target.network ?? '',
          reason: d.reason,
          duration,
        });
        if (error) return toast.failed(explain(error));
      }
      const [one] = decisions;
      toast.done(
        decisions.length === 1 && one
          ? `The decision about ${one.target.label} is in force again.`
          : `${many(decisions.length, 'decision')} are in force again.`,
      );
      onChanged();
    },
    [place, onChanged],
  );

  /** Takes a new decision back. */
  const takeBack = useCallback(
    async (d: IpRowFragment) => {
      const { error } = await lift([d.id]);
      if (error) return toast.failed(explain(error));
      toast.done(freed(d.action, d.target.label));
      onChanged();
    },
    [lift, onChanged],
  );

  return { place, lift, placeAgain, takeBack };
}
