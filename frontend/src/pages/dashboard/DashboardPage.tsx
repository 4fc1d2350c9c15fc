import { PageHeader } from '../../ui/PageHeader';
import { AlertFeed } from './AlertFeed';
import classes from './DashboardPage.module.css';
import { DecisionFeed } from './DecisionFeed';
import { Headline } from './Headline';
import { StatusMix } from './StatusMix';
import { TopEndpoints } from './TopEndpoints';
import { Traffic } from './Traffic';
import { useStats } from './useStats';

/** What happens at the API, and what was done about it, over the last hour. */
export function DashboardPage() {
  const stats = useStats();
  return (
    <>
      <PageHeader title="Dashboard">
        The last hour at your API as it happens, against the hour before.
      </PageHeader>
      <Headline of={stats.question} rates={stats.rates} />
      <div className={classes.grid}>
        <Traffic className={classes.traffic} />
        <AlertFeed className={classes.alerts} />
        <TopEndpoints of={stats.question} className={classes.endpoints} />
        <StatusMix of={stats.question} className={classes.statuses} />
        <DecisionFeed className={classes.decisions} />
      </div>
    </>
  );
}
