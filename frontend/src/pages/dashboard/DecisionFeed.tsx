import { IconGavel } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { useLive } from '../../api/useLive';
import { useQuery } from '../../api/useQuery';
import { DashboardDecisionChangedDocument } from '../../gql/DashboardDecisionChanged';
import { DashboardDecisionsDocument } from '../../gql/DashboardDecisions';
import type { DecisionItemFragment } from '../../gql/DecisionItem';
import { ActionBadge } from '../../ui/ActionBadge';
import { Answer, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { Panel } from '../../ui/Panel';
import { Target } from '../../ui/Target';
import { Left, Time } from '../../ui/Time';
import classes from './Feed.module.css';
import { announce, merged, withoutSubject } from './feed';

const shown = 15;

/** Decisions as they are made and undone, by rules and by operators. */
export function DecisionFeed({ className }: { className?: string | undefined }) {
  const query = useQuery(DashboardDecisionsDocument);
  const [announced, setAnnounced] = useState<DecisionItemFragment[]>([]);
  useLive(DashboardDecisionChangedDocument, query.refetch, {
    seen: ({ decisionChanged }) => setAnnounced((was) => announce(was, decisionChanged, shown)),
  });
  const known = query.data?.decisions.edges.map((e) => e.node);
  const items = known || announced.length > 0 ? merged(announced, known ?? [], shown) : undefined;
  return (
    <Panel
      title="Decisions"
      flush
      scrolls
      className={className ?? ''}
      aside={<Link href="/ip-management">IP management</Link>}
    >
      <Answer
        of={{ ...query, data: items }}
        bones={6}
        empty={(list) => list.length === 0}
        nothing={
          <Nothing icon={<IconGavel size={30} stroke={1.4} aria-hidden />} title="No decisions">
            Nobody is blocked, allowed or watched.
          </Nothing>
        }
      >
        {(list) => (
          <ol className={classes.feed} aria-label="Newest decisions">
            {list.map((d) => (
              <li key={d.id} data-fresh={announced.some((n) => n.id === d.id) || undefined}>
                <Link
                  href={links.decision(d.id)}
                  className={classes.item}
                  data-over={d.state !== 'IN_FORCE' || undefined}
                >
                  <span className={classes.line}>
                    <ActionBadge action={d.action} />
                    <span className={classes.who}>
                      <Target of={d.target} />
                    </span>
                    <span className={classes.when}>
                      <Time at={d.liftedAt ?? d.from} />
                    </span>
                  </span>
                  <span className={classes.reason}>
                    {withoutSubject(d.reason, d.target.label) || 'No reason given.'}
                  </span>
                  <span className={classes.more}>
                    {d.origin === 'RULE' ? 'by a rule' : `by ${d.by}`},{' '}
                    {d.state === 'IN_FORCE' ? <Left until={d.until} /> : d.state.toLowerCase()}
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
