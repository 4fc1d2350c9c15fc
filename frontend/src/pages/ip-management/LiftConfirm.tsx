import { useState } from 'react';
import { explain } from '../../api/explain';
import { many } from '../../format/numbers';
import type { IpRowFragment } from '../../gql/IpRow';
import { actionLabel } from '../../ui/ActionBadge';
import { Confirm } from '../../ui/Confirm';
import { toast } from '../../ui/toasts';
import classes from './LiftConfirm.module.css';
import { canPlaceAgain, freed, usePlace } from './usePlace';

const named = 5;

/** Asks before decisions end, and says what that means for each. */
export function LiftConfirm({
  decisions,
  onClose,
  onLifted,
}: {
  /** None: nothing is asked. */
  decisions: IpRowFragment[];
  onClose: () => void;
  onLifted: () => void;
}) {
  const { lift, placeAgain } = usePlace(onLifted);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const [one] = decisions;
  const several = decisions.length > 1;
  const allowed = decisions.some((d) => d.action === 'ALLOW');
  const close = () => {
    setProblem('');
    onClose();
  };
  const confirm = async () => {
    setBusy(true);
    setProblem('');
    const { error } = await lift(decisions.map((d) => d.id));
    setBusy(false);
    if (error) return setProblem(explain(error));
    const back = decisions.filter(canPlaceAgain);
    toast.done(
      several
        ? `${many(decisions.length, 'decision')} are lifted.`
        : one
          ? freed(one.action, one.target.label)
          : '',
      back.length === decisions.length ? () => void placeAgain(back) : undefined,
    );
    close();
    onLifted();
  };
  return (
    <Confirm
      opened={decisions.length > 0}
      title={several ? `Lift ${many(decisions.length, 'decision')}?` : 'Lift this decision?'}
      verb={several ? `Lift ${decisions.length}` : 'Lift'}
      busy={busy}
      onConfirm={() => void confirm()}
      onClose={close}
    >
      <ul className={classes.list}>
        {decisions.slice(0, named).map((d) => (
          <li key={d.id}>
            {actionLabel(d.action)} <span className="mono">{d.target.label}</span>
            {d.reason && <span className={classes.reason}>{d.reason}</span>}
          </li>
        ))}
        {decisions.length > named && <li>and {many(decisions.length - named, 'other')}</li>}
      </ul>
      <p>
        {several ? 'They end' : 'It ends'} with the next request, and what was counted is forgotten.
        {allowed && ' Who is no longer allowed is judged by the rules again.'}
      </p>
      {problem && (
        <p className={classes.problem} role="alert">
          {problem}
        </p>
      )}
    </Confirm>
  );
}
