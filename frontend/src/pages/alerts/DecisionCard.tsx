import { Button } from '@mantine/core';
import { IconLockOpen } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { explain } from '../../api/explain';
import { useMay } from '../../api/operator';
import { useChange } from '../../api/useChange';
import type { AlertDecisionFragment } from '../../gql/AlertDecision';
import { AlertsLiftDocument } from '../../gql/AlertsLift';
import { ActionBadge, originLabel } from '../../ui/ActionBadge';
import { Copy } from '../../ui/Address';
import { useText } from '../../ui/clockTick';
import { inForce } from '../../ui/decisions';
import { Hammering, refuses } from '../../ui/Hammering';
import { links } from '../../ui/links';
import { DecisionStateBadge } from '../../ui/StatusBadge';
import { TargetWhole } from '../../ui/Target';
import { Left, Time } from '../../ui/Time';
import { toast } from '../../ui/toasts';
import classes from './DecisionCard.module.css';
import { when } from './outcome';
import { usePlaceAgain } from './usePlaceAgain';

/** One decision as a receipt: what, about whom, who says so, until when, and how to undo it. */
export function DecisionCard({
  decision: d,
  onChanged,
}: {
  decision: AlertDecisionFragment;
  onChanged: () => void;
}) {
  const may = useMay();
  const { run, busy } = useChange(AlertsLiftDocument, { quietly: true });
  const placeAgain = usePlaceAgain(onChanged);
  const [problem, setProblem] = useState('');
  const lasts = useText((now) => (inForce(d, now) ? 'yes' : '')) !== '';

  const lift = async () => {
    setProblem('');
    const { error } = await run({ ids: [d.id] });
    if (error) return setProblem(explain(error));
    toast.done(`${d.target.label} passes again.`, placeAgain(d));
    onChanged();
  };

  return (
    <div className={classes.card} data-over={!lasts || undefined}>
      <div className={classes.head}>
        <ActionBadge action={d.action} />
        <DecisionStateBadge state={lasts ? 'IN_FORCE' : d.state === 'LIFTED' ? 'LIFTED' : 'EXPIRED'} />
        <span className={classes.reference}>
          <Link href={links.decision(d.id)}>{d.id}</Link>
          <Copy value={d.id} what="reference" />
        </span>
      </div>
      <dl className={classes.facts}>
        <div className={d.target.network ? undefined : classes.whole}>
          <dt>Whom</dt>
          <dd>
            <TargetWhole of={d.target} />
          </dd>
        </div>
        <div>
          <dt>Who says so</dt>
          <dd>
            {d.rule ?? d.by}, {originLabel(d.origin)}, <Time at={d.from} />
          </dd>
        </div>
        <div>
          <dt>Until</dt>
          <dd>
            {d.liftedAt ? (
              <>
                lifted <Time at={d.liftedAt} /> by {d.liftedBy}
              </>
            ) : !lasts && d.until ? (
              `${when(d.until)}, when it ended`
            ) : (
              <>
                {d.until && `${when(d.until)}, `}
                <Left until={d.until} />
              </>
            )}
          </dd>
        </div>
        {refuses(d.action) && (
          <div className={classes.whole}>
            <dt>Refused since</dt>
            <dd>
              <Hammering of={d} />
            </dd>
          </div>
        )}
        {d.origin !== 'RULE' && d.reason && (
          <div className={classes.whole}>
            <dt>Reason</dt>
            <dd>{d.reason}</dd>
          </div>
        )}
      </dl>
      {lasts && may.act && (
        <div className={classes.undo}>
          <p>
            <strong>To undo it, lift it.</strong> The next request passes, and what was counted is forgotten.
            {d.until && ' Else it ends by itself.'}
          </p>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconLockOpen size={14} aria-hidden />}
            loading={busy}
            onClick={lift}
            aria-label={`Lift ${d.id}`}
          >
            Lift
          </Button>
          {problem && (
            <p className={classes.problem} role="alert">
              {problem}
            </p>
          )}
        </div>
      )}
    </div>
  );
}
