import { Checkbox } from '@mantine/core';
import { IconTopologyStar3 } from '@tabler/icons-react';
import { memo } from 'react';
import { Link } from 'wouter';
import { count } from '../../format/numbers';
import type { AlertRowFragment } from '../../gql/AlertRow';
import { ActionBadge, actionLabel } from '../../ui/ActionBadge';
import { useText } from '../../ui/clockTick';
import { inForce } from '../../ui/decisions';
import { SeverityBadge } from '../../ui/SeverityBadge';
import { AlertStatusBadge } from '../../ui/StatusBadge';
import { Target } from '../../ui/Target';
import { Left, Time } from '../../ui/Time';
import classes from './AlertList.module.css';

/** One alert of the list: a link to it, and a box to select it while it is open. */
export const AlertItemRow = memo(function AlertItemRow({
  alert,
  href,
  opened,
  selected,
  fresh,
  reached,
  onSelect,
}: {
  alert: AlertRowFragment;
  href: string;
  opened: boolean;
  selected: boolean;
  /** It has just arrived. */
  fresh: boolean;
  /** Tab reaches this row; the arrow keys reach the others. */
  reached: boolean;
  onSelect: ((id: string, selected: boolean, range: boolean) => void) | undefined;
}) {
  return (
    <li
      className={classes.row}
      data-opened={opened || undefined}
      data-selected={selected || undefined}
      data-fresh={fresh || undefined}
      data-severity={alert.severity}
    >
      <span className={classes.box}>
        {onSelect && alert.status === 'OPEN' && (
          <Checkbox
            size="xs"
            tabIndex={reached ? 0 : -1}
            checked={selected}
            aria-label={`Select ${alert.title}, ${alert.actor.label}`}
            onChange={(event) =>
              onSelect(alert.id, event.currentTarget.checked, (event.nativeEvent as MouseEvent).shiftKey)
            }
          />
        )}
      </span>
      <span className={classes.severity}>
        <SeverityBadge severity={alert.severity} />
      </span>
      <Link
        href={href}
        className={classes.link}
        data-row={alert.id}
        tabIndex={reached ? 0 : -1}
        aria-current={opened ? 'true' : undefined}
        aria-describedby={`reason-${alert.id}`}
      >
        {alert.title}
      </Link>
      <span id={`reason-${alert.id}`} className={classes.reason}>
        {alert.reason}
      </span>
      <span className={classes.who}>
        <span className={classes.actor}>
          <Target of={alert.actor} />
        </span>
        <span className={classes.decision}>{alert.decision && <InForce decision={alert.decision} />}</span>
      </span>
      <span className={classes.more}>
        {alert.status === 'RESOLVED' && <AlertStatusBadge status="RESOLVED" />}
        {alert.findings > 1 && (
          <span className={classes.findings} title={`${count(alert.findings)} findings were merged`}>
            ×{count(alert.findings)}, last <Time at={alert.lastAt} />
          </span>
        )}
        {alert.incident && (
          <span className={classes.incident} title="Part of an incident">
            <IconTopologyStar3 size={13} stroke={1.9} aria-hidden />
            {alert.incident.reference}
          </span>
        )}
      </span>
      <span className={classes.time}>
        <Time at={alert.firstAt} />
      </span>
    </li>
  );
});

/** The block or other decision that an alert led to, as long as it lasts. */
function InForce({ decision }: { decision: NonNullable<AlertRowFragment['decision']> }) {
  const lasts = useText((now) => (inForce(decision, now) ? 'yes' : '')) !== '';
  if (!lasts) return `${actionLabel(decision.action)} ${decision.state === 'LIFTED' ? 'lifted' : 'ended'}`;
  return (
    <>
      <ActionBadge action={decision.action} />
      <Left until={decision.until} />
    </>
  );
}
