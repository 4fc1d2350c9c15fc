import { IconRadar2 } from '@tabler/icons-react';
import { useEvery } from '../../api/useEvery';
import { useQuery } from '../../api/useQuery';
import { RulesPageDocument, type RulesPageQuery } from '../../gql/RulesPage';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { PageHeader } from '../../ui/PageHeader';
import { Time } from '../../ui/Time';
import { HowToChange } from './HowToChange';
import { RuleList } from './RuleList';
import classes from './RulesPage.module.css';

/** What is looked for, what comes of it, and what would have come of it had it been enforced. */
export function RulesPage() {
  const query = useQuery(RulesPageDocument);
  useEvery(5_000, query.refetch);
  return (
    <>
      <PageHeader title="Rules">What is looked for in the traffic, and what comes of it.</PageHeader>
      <Answer of={query} bones={<Bones lines={4} height={104} />}>
        {({ rules, health }) => (
          <>
            <Standing rules={rules} health={health} />
            {rules.length === 0 ? (
              <Nothing icon={<IconRadar2 size={34} stroke={1.4} aria-hidden />} title="No rule is known">
                The configuration file names those that are.
              </Nothing>
            ) : (
              <RuleList rules={rules} enforcing={health.mode === 'ENFORCE' && !health.notEnforcing} />
            )}
            <HowToChange demo={health.demo} example={rules[0]?.id ?? 'rate-abuse'} />
          </>
        )}
      </Answer>
    </>
  );
}

/** How the rules stand in all, in one sentence. */
function Standing({ rules, health }: RulesPageQuery) {
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
