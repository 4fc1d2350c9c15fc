import { useCallback } from 'react';
import { useClient } from 'urql';
import { explain } from '../../api/explain';
import type { AlertDecisionFragment } from '../../gql/AlertDecision';
import { AlertsBlockDocument } from '../../gql/AlertsBlock';
import { AlertsLiftDocument } from '../../gql/AlertsLift';
import { AlertsMonitorDocument } from '../../gql/AlertsMonitor';
import { toast } from '../../ui/toasts';

/**
 * The undo of a lift: places the same decision again for what was left of it, as the operator's own.
 * Undefined where that can't be done: what is about a key, or no operator may place.
 */
export function usePlaceAgain(onChanged: () => void) {
  const client = useClient();
  return useCallback(
    (d: AlertDecisionFragment, now = Date.now()): (() => void) | undefined => {
      const again = {
        BLOCK: AlertsBlockDocument,
        MONITOR: AlertsMonitorDocument,
        ALLOW: undefined,
        THROTTLE: undefined,
      }[d.action];
      const target = d.target.network;
      if (!again || !target) return undefined;
      const left = d.until ? Math.ceil((Date.parse(d.until) - now) / 1000) : undefined;
      const input = {
        target,
        reason: d.reason,
        duration: left === undefined ? null : `${Math.max(1, left)}s`,
      };
      return () =>
        void client
          .mutation<unknown, { input: typeof input }>(again, { input })
          .toPromise()
          .then(({ error }) => {
            if (error) return toast.failed(explain(error));
            toast.done(`${d.target.label} is ${d.action === 'BLOCK' ? 'blocked' : 'watched'} again.`);
            onChanged();
          });
    },
    [client, onChanged],
  );
}

/** The undo of a new decision: lifts it. */
export function useLiftAgain(onChanged: () => void) {
  const client = useClient();
  return useCallback(
    (id: string, label: string) => () =>
      void client
        .mutation(AlertsLiftDocument, { ids: [id] })
        .toPromise()
        .then(({ error }) => {
          if (error) return toast.failed(explain(error));
          toast.done(`${label} is as before.`);
          onChanged();
        }),
    [client, onChanged],
  );
}
