import { IconBan, IconEye, IconFlag } from '@tabler/icons-react';
import { memo } from 'react';
import { Link } from 'wouter';
import { took } from '../../format/durations';
import { clock, exact } from '../../format/time';
import { links } from '../../ui/links';
import { StatusBadge } from '../../ui/StatusBadge';
import { type ListFilter, writeFilter } from './filter';
import { flagWords } from './flags';
import classes from './LogsList.module.css';
import type { Row } from './tail';

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** One request of the list: a link to it; its client narrows the list. */
export const LogsLine = memo(function LogsLine({
  row,
  filter,
  query,
  opened,
  reached,
}: {
  row: Row;
  filter: ListFilter;
  query: string;
  opened: boolean;
  /** Tab reaches this row; the arrow keys reach the others. */
  reached: boolean;
}) {
  return (
    <li
      className={classes.row}
      data-opened={opened || undefined}
      data-look={row.refused ? 'refused' : row.would ? 'would' : row.status >= 500 ? 'broken' : undefined}
    >
      <time className={classes.time} dateTime={row.at} title={exact(row.at)}>
        {when(row.at)}
      </time>
      <span className={classes.method}>{row.method}</span>
      <Link
        href={`${links.exchange(row.id)}${query}`}
        className={classes.path}
        data-row={row.id}
        tabIndex={reached ? 0 : -1}
        aria-current={opened ? 'true' : undefined}
        title={row.path}
      >
        <bdi>{row.path}</bdi>
      </Link>
      <span className={classes.answer}>
        <StatusBadge status={row.status} refused={row.refused} />
        {row.would && (
          <span className={classes.would} title={`Would have been refused: ${row.would}`}>
            <IconBan size={14} stroke={1.9} aria-hidden />
            <span className="only-heard">would have been refused: {row.would}</span>
          </span>
        )}
        {row.flags.length > 0 && (
          <span className={classes.flagged} title={row.flags.map(flagWords).join(', ')}>
            <IconFlag size={14} stroke={1.9} aria-hidden />
            <span className="only-heard">odd: {row.flags.map(flagWords).join(', ')}</span>
          </span>
        )}
      </span>
      <span className={classes.client}>
        {row.monitored && (
          <span className={classes.watched} title="A decision asks to watch this client">
            <IconEye size={14} stroke={1.9} aria-hidden />
            <span className="only-heard">watched </span>
          </span>
        )}
        <Link
          href={`/logs${writeFilter({ ...filter, client: row.client })}`}
          tabIndex={-1}
          title={`Only ${row.client}`}
        >
          {row.client}
        </Link>
      </span>
      <span className={classes.key}>{row.keyPrefix ?? ''}</span>
      <span className={classes.account}>
        {row.account && (
          <Link
            href={`/logs${writeFilter({ ...filter, account: row.account })}`}
            tabIndex={-1}
            title={`Only ${row.account}`}
          >
            <bdi>{row.account}</bdi>
          </Link>
        )}
      </span>
      <span className={classes.took}>{took(row.took)}</span>
    </li>
  );
});

/** 14:03:09, with its day when that is not today. */
function when(at: string): string {
  const t = new Date(at);
  const today = t.toDateString() === new Date().toDateString();
  return today ? clock(at) : `${dayFormat.format(t)} ${clock(at)}`;
}
