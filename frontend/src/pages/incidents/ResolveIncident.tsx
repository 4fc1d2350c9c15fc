import { Button } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { explain } from '../../api/explain';
import { many } from '../../format/numbers';
import type { IncidentAlertFragment } from '../../gql/IncidentAlert';
import { Confirm } from '../../ui/Confirm';
import { blocks } from '../../ui/decisions';
import { LiftChoice, useResolve } from '../../ui/ResolveAlerts';
import classes from './ResolveIncident.module.css';

/** Closes an incident, by resolving what is open of it. */
export function ResolveIncident({
  alerts,
  onChanged,
}: {
  alerts: IncidentAlertFragment[];
  onChanged: () => void;
}) {
  const [asking, setAsking] = useState(false);
  const [lift, setLift] = useState(false);
  const [problem, setProblem] = useState('');
  const { resolve, busy } = useResolve();
  const open = alerts.filter((a) => a.status === 'OPEN');
  const blocked = new Set(open.flatMap((a) => (a.decision && blocks(a.decision) ? [a.decision.id] : [])))
    .size;
  if (open.length === 0) return null;

  const finish = async () => {
    setProblem('');
    const error = await resolve(
      open.map((a) => a.id),
      blocked > 0 && lift,
    );
    if (error) return setProblem(explain(error));
    setAsking(false);
    onChanged();
  };

  return (
    <div className={classes.actions}>
      <Button
        size="xs"
        leftSection={<IconCheck size={15} aria-hidden />}
        onClick={() => {
          setProblem('');
          setLift(false);
          setAsking(true);
        }}
      >
        Resolve {open.length === alerts.length ? 'it' : 'the rest'}…
      </Button>
      <Confirm
        opened={asking}
        title={`Resolve ${many(open.length, 'alert')}?`}
        verb={blocked > 0 && lift ? 'Resolve and lift' : 'Resolve'}
        busy={busy}
        onConfirm={finish}
        onClose={() => setAsking(false)}
      >
        <p className={classes.about}>
          Once all its alerts are resolved, the incident is. If the attack goes on, new alerts are raised.
        </p>
        {blocked > 0 && <LiftChoice blocks={blocked} lift={lift} onChange={setLift} />}
        {problem && (
          <p className={classes.problem} role="alert">
            {problem}
          </p>
        )}
      </Confirm>
    </div>
  );
}
