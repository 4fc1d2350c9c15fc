import { IconShieldCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { useLive } from '../../api/useLive';
import { useQuery } from '../../api/useQuery';
import { many } from '../../format/numbers';
import type { AlertItemFragment } from '../../gql/AlertItem';
import { DashboardAlertChangedDocument } from '../../gql/DashboardAlertChanged';
import { DashboardAlertRaisedDocument } from '../../gql/DashboardAlertRaised';
import { DashboardAlertsDocument } from '../../gql/DashboardAlerts';
import { Answer, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { Panel } from '../../ui/Panel';
import { SeverityBadge, severityLabel } from '../../ui/SeverityBadge';
import { Target } from '../../ui/Target';
import { Time } from '../../ui/Time';
import classes from './Feed.module.css';
import { announce, merged, withoutSubject } from './feed';

const shown = 15;

/** Alerts as they are raised. An announced alert is painted at once; the query then sets the record straight. */
export function AlertFeed({ className }: { className?: string | undefined }) {
  const query = useQuery(DashboardAlertsDocument);
  const [announced, setAnnounced] = useState<AlertItemFragment[]>([]);
  useLive(DashboardAlertRaisedDocument, query.refetch, {
    seen: ({ alertRaised }) => setAnnounced((was) => announce(was, alertRaised, shown)),
  });
  useLive(DashboardAlertChangedDocument, query.refetch, {
    seen: ({ alertChanged }) =>
      setAnnounced((was) => was.map((a) => (a.id === alertChanged.id ? alertChanged : a))),
  });
  const known = query.data?.alerts.edges.map((e) => e.node);
  const items = known || announced.length > 0 ? merged(announced, known ?? [], shown) : undefined;
  return (
    <Panel
      title="Alerts"
      flush
      scrolls
      className={className ?? ''}
      aside={<Link href="/alerts">All alerts</Link>}
    >
      <p className="only-heard" role="status">
        {announced[0] &&
          `${severityLabel(announced[0].severity)} alert: ${announced[0].title}, ${named(announced[0]) ? announced[0].actor.label : announced[0].client}`}
      </p>
      <Answer
        of={{ ...query, data: items }}
        bones={6}
        empty={(list) => list.length === 0}
        nothing={
          <Nothing icon={<IconShieldCheck size={30} stroke={1.4} aria-hidden />} title="No alerts">
            Nothing out of the ordinary was seen.
          </Nothing>
        }
      >
        {(list) => (
          <ol
            className={classes.feed}
            aria-label="Newest alerts"
            aria-live="polite"
            aria-relevant="additions"
          >
            {list.map((a) => (
              <li key={a.id} data-alert={a.id} data-fresh={announced.some((n) => n.id === a.id) || undefined}>
                <Link
                  href={links.alert(a.id)}
                  className={classes.item}
                  data-over={a.status === 'RESOLVED' || undefined}
                >
                  <span className={classes.line}>
                    <SeverityBadge severity={a.severity} />
                    <span className={classes.who}>{named(a) ? <Target of={a.actor} /> : a.client}</span>
                    <span className={classes.when}>
                      <Time at={a.lastAt} />
                    </span>
                  </span>
                  <span className={classes.title}>
                    <span>{a.title}</span>
                    <span className={classes.more}>
                      {a.status === 'RESOLVED' ? 'resolved' : a.findings > 1 && many(a.findings, 'finding')}
                    </span>
                  </span>
                  <span className={classes.reason}>
                    {withoutSubject(a.reason, named(a) ? a.actor.label : a.client)}
                  </span>
                </Link>
              </li>
            ))}
          </ol>
        )}
      </Answer>
    </Panel>
  );
}

/** Whether an alert is about something else than its client. */
function named({ actor }: AlertItemFragment): boolean {
  return actor.account !== null || actor.route !== null;
}
