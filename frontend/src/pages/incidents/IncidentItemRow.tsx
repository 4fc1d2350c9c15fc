import { memo } from 'react';
import { Link } from 'wouter';
import { span } from '../../format/durations';
import { many } from '../../format/numbers';
import { exact } from '../../format/time';
import type { IncidentRowFragment } from '../../gql/IncidentRow';
import { SeverityBadge } from '../../ui/SeverityBadge';
import { AlertStatusBadge } from '../../ui/StatusBadge';
import { Time } from '../../ui/Time';
import classes from './IncidentsPage.module.css';
import { ScoreBadge } from './Score';

/** One incident of the list: a link to it. */
export const IncidentItemRow = memo(function IncidentItemRow({
  incident: i,
  href,
  opened,
  reached,
}: {
  incident: IncidentRowFragment;
  href: string;
  opened: boolean;
  /** Tab reaches this row; the arrow keys reach the others. */
  reached: boolean;
}) {
  const lasted = (Date.parse(i.lastAt) - Date.parse(i.firstAt)) / 1000;
  return (
    <li className={classes.row} data-opened={opened || undefined}>
      <span className={classes.severity}>
        <SeverityBadge severity={i.severity} />
      </span>
      <span className={classes.reference}>
        <span className="mono">{i.reference}</span>
        <ScoreBadge score={i.score} />
        {i.status === 'RESOLVED' && <AlertStatusBadge status="RESOLVED" />}
      </span>
      <Link
        href={href}
        className={classes.link}
        data-row={i.id}
        tabIndex={reached ? 0 : -1}
        aria-current={opened ? 'true' : undefined}
        aria-describedby={`about-${i.id}`}
      >
        {i.title}
      </Link>
      <span id={`about-${i.id}`} className={classes.shared}>
        {i.shared && `Joined by ${i.shared}`}
      </span>
      <span className={classes.counts}>
        <span>{many(i.alertCount, 'alert')}</span>
        <span>{many(i.clientCount, 'client')}</span>
      </span>
      <span className={classes.time} title={`${exact(i.firstAt)} to ${exact(i.lastAt)}`}>
        <Time at={i.lastAt} />
        <span className={classes.lasted}>{lasted >= 1 ? `over ${span(lasted)}` : 'at once'}</span>
      </span>
    </li>
  );
});
