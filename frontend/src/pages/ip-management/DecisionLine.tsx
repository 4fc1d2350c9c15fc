import { Button, Checkbox } from '@mantine/core';
import { memo } from 'react';
import { Link } from 'wouter';
import type { IpRowFragment } from '../../gql/IpRow';
import { ActionBadge } from '../../ui/ActionBadge';
import { useText } from '../../ui/clockTick';
import { inForce } from '../../ui/decisions';
import { Target } from '../../ui/Target';
import { Left, Time } from '../../ui/Time';
import classes from './DecisionList.module.css';
import { OriginBadge } from './OriginBadge';

/** One decision of the list: a link to its receipt, a box while it is in force, and its way out. */
export const DecisionLine = memo(function DecisionLine({
  decision: d,
  href,
  opened,
  reached,
  selected,
  fresh,
  onToggle,
  onLift,
}: {
  decision: IpRowFragment;
  href: string;
  opened: boolean;
  /** Tab reaches this row; the arrow keys reach the others. */
  reached: boolean;
  selected: boolean;
  /** It has just changed. */
  fresh: boolean;
  onToggle: ((id: string) => void) | undefined;
  onLift: ((decisions: IpRowFragment[]) => void) | undefined;
}) {
  const lasts = useText((now) => (inForce(d, now) ? 'yes' : '')) !== '';
  return (
    <li
      className={classes.row}
      data-opened={opened || undefined}
      data-selected={(selected && lasts) || undefined}
      data-fresh={fresh || undefined}
      data-over={!lasts || undefined}
    >
      <span className={classes.box}>
        {lasts && onToggle && (
          <Checkbox
            size="xs"
            tabIndex={reached ? 0 : -1}
            checked={selected}
            aria-label={`Select ${d.target.label}`}
            onChange={() => onToggle(d.id)}
          />
        )}
      </span>
      <span className={classes.action}>
        <ActionBadge action={d.action} />
      </span>
      <Link
        href={href}
        className={classes.target}
        data-row={d.id}
        tabIndex={reached ? 0 : -1}
        aria-current={opened ? 'true' : undefined}
      >
        <Target of={d.target} />
      </Link>
      <span className={classes.reason} title={d.reason}>
        {d.reason || 'No reason given'}
      </span>
      <span className={classes.who}>
        <OriginBadge origin={d.origin} />
        <span>{d.rule ?? d.by}</span>
      </span>
      <span className={classes.made}>
        <Time at={d.from} />
      </span>
      <span className={classes.until}>
        <Ending decision={d} lasts={lasts} />
      </span>
      <span className={classes.lift}>
        {lasts && onLift && (
          <Button
            size="compact-xs"
            variant="default"
            tabIndex={reached ? 0 : -1}
            aria-label={`Lift ${d.target.label}`}
            onClick={() => onLift([d])}
          >
            Lift
          </Button>
        )}
      </span>
    </li>
  );
});

/** When it ends, or how it ended. */
export function Ending({ decision: d, lasts }: { decision: IpRowFragment; lasts: boolean }) {
  if (lasts) return <Left until={d.until} />;
  if (d.state === 'LIFTED' && d.liftedAt)
    return (
      <>
        lifted <Time at={d.liftedAt} />
      </>
    );
  return <>expired {d.until && <Time at={d.until} />}</>;
}
