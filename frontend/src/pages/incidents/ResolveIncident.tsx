import { Button } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import type { Client } from '@urql/core';
import { useState } from 'react';
import { useClient } from 'urql';
import { explain } from '../../api/explain';
import { many } from '../../format/numbers';
import { IncidentOpenAlertsDocument, type IncidentOpenAlertsQuery } from '../../gql/IncidentOpenAlerts';
import { Confirm } from '../../ui/Confirm';
import { blocks } from '../../ui/decisions';
import { LiftChoice, useResolve } from '../../ui/ResolveAlerts';
import classes from './ResolveIncident.module.css';

type OpenAlert = IncidentOpenAlertsQuery['alerts']['edges'][number]['node'];

/** Closes an incident, by resolving all that is open of it, also what is too old to be shown with it. */
export function ResolveIncident({ incident, onChanged }: { incident: string; onChanged: () => void }) {
  const client = useClient();
  const [open, setOpen] = useState<OpenAlert[]>();
  const [looking, setLooking] = useState(false);
  const [lift, setLift] = useState(false);
  const [problem, setProblem] = useState('');
  const { resolve, busy } = useResolve();
  const blocked = new Set(open?.flatMap((a) => (a.decision && blocks(a.decision) ? [a.decision.id] : [])))
    .size;

  const ask = async () => {
    setProblem('');
    setLift(false);
    setLooking(true);
    const { alerts, error } = await openAlerts(client, incident);
    setLooking(false);
    if (error) setProblem(error);
    else setOpen(alerts);
  };
  const finish = async () => {
    setProblem('');
    const error = await resolve(open?.map((a) => a.id) ?? [], blocked > 0 && lift);
    if (error) return setProblem(explain(error));
    setOpen(undefined);
    onChanged();
  };
  const said = problem && (
    <p className={classes.problem} role="alert">
      {problem}
    </p>
  );

  return (
    <div className={classes.actions}>
      <Button size="xs" leftSection={<IconCheck size={15} aria-hidden />} loading={looking} onClick={ask}>
        Resolve…
      </Button>
      {!open && said}
      <Confirm
        opened={open !== undefined}
        title={`Resolve ${many(open?.length ?? 0, 'alert')}?`}
        verb={blocked > 0 && lift ? 'Resolve and lift' : 'Resolve'}
        busy={busy}
        onConfirm={finish}
        onClose={() => setOpen(undefined)}
      >
        <p className={classes.about}>
          Once all its alerts are resolved, the incident is. If the attack goes on, new alerts are raised.
        </p>
        {blocked > 0 && <LiftChoice blocks={blocked} lift={lift} onChange={setLift} />}
        {open && said}
      </Confirm>
    </div>
  );
}

/** All that is open of an incident, page by page; an incident holds a thousand alerts at most. */
async function openAlerts(
  client: Client,
  incident: string,
): Promise<{ alerts: OpenAlert[]; error?: string }> {
  const alerts: OpenAlert[] = [];
  for (let after: string | null = null; ; ) {
    const { data, error } = await client
      .query(IncidentOpenAlertsDocument, { incident, after }, { requestPolicy: 'network-only' })
      .toPromise();
    if (!data) return { alerts, error: error ? explain(error) : 'The server did not answer.' };
    const page: IncidentOpenAlertsQuery['alerts'] = data.alerts;
    alerts.push(...page.edges.map((e) => e.node));
    if (!page.pageInfo.hasNextPage || page.edges.length === 0) return { alerts };
    after = page.pageInfo.endCursor;
  }
}
