import { Button } from '@mantine/core';
import { IconPlus, IconRadar2 } from '@tabler/icons-react';
import { Link, useLocation, useParams } from 'wouter';
import { useMay } from '../../api/operator';
import { useEvery } from '../../api/useEvery';
import { useQuery } from '../../api/useQuery';
import { RulesPageDocument, type RulesPageQuery } from '../../gql/RulesPage';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { PageHeader } from '../../ui/PageHeader';
import { Panel } from '../../ui/Panel';
import { Time } from '../../ui/Time';
import { HowToChange } from './HowToChange';
import { fresh, RuleEditor } from './RuleEditor';
import { RuleList } from './RuleList';
import classes from './RulesPage.module.css';

/** What is looked for, what comes of it, and where a rule is written or given another mode. */
export function RulesPage() {
  const { id } = useParams<{ id?: string }>();
  return id ? <RuleEditor key={id} rule={id} /> : <Rules />;
}

function Rules() {
  const query = useQuery(RulesPageDocument);
  useEvery(5_000, query.refetch);
  const { act } = useMay();
  const [, go] = useLocation();
  return (
    <>
      <PageHeader
        title="Rules"
        actions={
          act && (
            <Button
              size="xs"
              leftSection={<IconPlus size={15} stroke={2.2} aria-hidden />}
              onClick={() => go(`/rules/${fresh}`)}
            >
              New rule
            </Button>
          )
        }
      >
        What is looked for in the traffic, and what comes of it.
      </PageHeader>
      <Answer of={query} bones={<Bones lines={4} height={104} />}>
        {({ rules, health, deletedRules }) => (
          <>
            <Standing rules={rules} health={health} />
            {rules.length === 0 ? (
              <Nothing icon={<IconRadar2 size={34} stroke={1.4} aria-hidden />} title="No rule is known">
                The configuration file names those that are.
              </Nothing>
            ) : (
              <RuleList
                rules={rules}
                enforcing={health.mode === 'ENFORCE' && !health.notEnforcing}
                act={act}
                onChanged={query.refetch}
              />
            )}
            <Deleted rules={deletedRules} />
            <HowToChange act={act} example={rules[0]?.id ?? 'rate-abuse'} />
          </>
        )}
      </Answer>
    </>
  );
}

/** How the rules stand in all, in one sentence. */
function Standing({ rules, health }: Pick<RulesPageQuery, 'rules' | 'health'>) {
  const counted = rules.some((r) => r.mode === 'SHADOW') || health.mode === 'OBSERVE' || health.notEnforcing;
  if (!counted) return null;
  return (
    <p className={classes.standing}>
      {health.mode === 'OBSERVE'
        ? 'The gateway observes, so no rule refuses anybody.'
        : health.notEnforcing
          ? 'The gateway doubts who asks, so no rule refuses anybody just now.'
          : 'Rules in shadow refuse nobody.'}{' '}
      What they would have done is counted since the start, <Time at={health.startedAt} />.
    </p>
  );
}

/** Rules that were written here and deleted. Their versions are kept. */
function Deleted({ rules }: { rules: RulesPageQuery['deletedRules'] }) {
  if (rules.length === 0) return null;
  return (
    <Panel title="Deleted rules" className={classes.how ?? ''}>
      <ul className={classes.deleted} aria-label="Deleted rules">
        {rules.map((r) => (
          <li key={r.rule}>
            <Link href={`/rules/${r.rule}`} className={`mono ${classes.link}`}>
              {r.rule}
            </Link>
            <span className={classes.dim}>
              deleted by {r.by}, <Time at={r.at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
