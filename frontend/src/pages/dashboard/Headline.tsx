import type { Question } from '../../api/useQuery';
import { change, compact, count, difference, percent, points, rate } from '../../format/numbers';
import { Answer, Bones } from '../../ui/Answer';
import { Figure, Figures } from '../../ui/Figure';
import { Sparkline } from '../../ui/Sparkline';
import type { Stats } from './useStats';

/** The figures one looks at first, each against the hour before. */
export function Headline({ of: question, rates }: { of: Question<Stats>; rates: number[] }) {
  return (
    <Answer of={question} bones={<Bones lines={1} height={92} />}>
      {({ now, before, requestsPerSecond }) => (
        <Figures label="The last hour, against the hour before">
          <Figure label="Requests a second, now" value={rate(requestsPerSecond)} wide>
            <Sparkline values={rates} />
          </Figure>
          <Figure
            label="Requests"
            value={now.requests < 1_000_000 ? count(now.requests) : compact(now.requests)}
            change={change(now.requests, before.requests)}
            before={compact(before.requests)}
            to="/logs"
          />
          <Figure
            label="Failed share"
            value={percent(now.failedShare)}
            change={points(now.failedShare, before.failedShare)}
            before={percent(before.failedShare)}
            good="down"
          />
          <Figure
            label="Active alerts"
            value={count(now.activeAlerts)}
            change={difference(now.activeAlerts, before.activeAlerts)}
            before={count(before.activeAlerts)}
            good="down"
            to="/alerts"
          />
          <Figure
            label="Blocked clients"
            value={count(now.blockedClients)}
            change={difference(now.blockedClients, before.blockedClients)}
            before={count(before.blockedClients)}
            to="/ip-management"
          />
        </Figures>
      )}
    </Answer>
  );
}
