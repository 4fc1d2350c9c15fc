import { Button } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { took } from '../../format/durations';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import { Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { StatusBadge } from '../../ui/StatusBadge';
import { type Column, Table } from '../../ui/Table';
import { Clock } from '../../ui/Time';
import classes from './Evidence.module.css';

const some = 12; // that many are shown at first

type Exchange = AlertDetailFragment['exchanges'][number];

/** The exchanges around the finding, newest first; those that were counted carry a mark. */
export function Evidence({ alert }: { alert: AlertDetailFragment }) {
  const [, navigate] = useLocation();
  const [all, setAll] = useState(alert.exchanges.length <= some + 3);
  if (alert.exchanges.length === 0)
    return (
      <Nothing title="No exchanges are kept of that time">
        They are written in batches, so the newest follow in a moment; old ones have been cleared away.
      </Nothing>
    );
  const counted = new Set(alert.times.map((t) => Date.parse(t)));
  const marked = alert.exchanges.filter((x) => counted.has(Date.parse(x.at))).length;
  return (
    <div className={classes.evidence}>
      {marked > 0 && (
        <p className={classes.note}>
          <span className={classes.mark} aria-hidden /> {alert.limit > 0 ? 'was counted' : 'tripped the rule'}
        </p>
      )}
      <Table
        label="Exchanges around the finding"
        columns={columns(counted)}
        rows={all ? alert.exchanges : alert.exchanges.slice(0, some)}
        keyOf={(x) => x.id}
        onOpen={(x) => navigate(links.exchange(x.id))}
      />
      {!all && (
        <div className={classes.more}>
          <Button size="xs" variant="default" onClick={() => setAll(true)}>
            Show all {alert.exchanges.length}
          </Button>
        </div>
      )}
    </div>
  );
}

function columns(counted: Set<number>): Column<Exchange>[] {
  return [
    {
      head: 'Time',
      width: '88px',
      opens: true,
      cell: (x) => (
        <span className={classes.time}>
          <Clock at={x.at} />
          {counted.has(Date.parse(x.at)) && (
            <span className={classes.mark} title="This one was counted">
              <span className="only-heard"> counted</span>
            </span>
          )}
        </span>
      ),
    },
    {
      head: 'Request',
      cut: true,
      cell: (x) => (
        <span className="mono" title={`${x.method} ${x.path}\n${x.userAgent}`}>
          {x.method} {x.path}
        </span>
      ),
    },
    { head: 'Answer', width: '118px', cell: (x) => <StatusBadge status={x.status} refused={x.refused} /> },
    {
      head: 'Took',
      width: '84px',
      align: 'right',
      cell: (x) => <span className={classes.took}>{took(x.took)}</span>,
    },
  ];
}
