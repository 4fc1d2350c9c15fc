import { Button } from '@mantine/core';
import { useState } from 'react';
import { explain } from '../../api/explain';
import { count, many } from '../../format/numbers';
import type { AlertRowFragment } from '../../gql/AlertRow';
import { Confirm } from '../../ui/Confirm';
import { blocks } from '../../ui/decisions';
import { LiftChoice, useResolve } from '../../ui/ResolveAlerts';
import classes from './SelectedBar.module.css';

/** What can be done with all that is selected; nothing is shown while nothing is. */
export function SelectedBar({
  alerts,
  onClear,
  onChanged,
}: {
  alerts: AlertRowFragment[];
  onClear: () => void;
  onChanged: () => void;
}) {
  const [asking, setAsking] = useState(false);
  const [lift, setLift] = useState(false);
  const [problem, setProblem] = useState('');
  const { resolve, busy } = useResolve();
  const blocked = alerts.filter((a) => blocks(a.decision)).length;

  const ask = () => {
    setProblem('');
    setLift(false);
    setAsking(true);
  };
  const finish = async () => {
    setProblem('');
    const error = await resolve(
      alerts.map((a) => a.id),
      blocked > 0 && lift,
    );
    if (error) return setProblem(explain(error));
    setAsking(false);
    onClear();
    onChanged();
  };

  return (
    <>
      {alerts.length > 0 && (
        <section className={classes.bar} aria-label="Selected alerts">
          <span className={classes.count}>{count(alerts.length)} selected</span>
          <Button size="xs" onClick={ask}>
            Resolve…
          </Button>
          <Button size="xs" variant="subtle" color="gray" onClick={onClear}>
            Clear
          </Button>
        </section>
      )}
      <Confirm
        opened={asking && alerts.length > 0}
        title={`Resolve ${many(alerts.length, 'alert')}?`}
        verb={blocked > 0 && lift ? 'Resolve and lift' : 'Resolve'}
        busy={busy}
        onConfirm={finish}
        onClose={() => setAsking(false)}
      >
        <p className={classes.about}>
          {alerts.length === 1 ? 'It is closed' : 'They are closed'}. If the same happens again, that is a new
          alert.
        </p>
        {blocked > 0 && <LiftChoice blocks={blocked} lift={lift} onChange={setLift} />}
        {problem && (
          <p className={classes.problem} role="alert">
            {problem}
          </p>
        )}
      </Confirm>
    </>
  );
}
