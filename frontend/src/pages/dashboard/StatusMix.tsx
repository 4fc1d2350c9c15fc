import { useCallback, useMemo } from 'react';
import { Link } from 'wouter';
import type { Question } from '../../api/useQuery';
import { Chart } from '../../charts/Chart';
import type { Palette } from '../../charts/palette';
import { statusMix } from '../../charts/statusMix';
import { compact, count, percent } from '../../format/numbers';
import { Answer, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { Panel } from '../../ui/Panel';
import { statusName } from '../../ui/statusName';
import classes from './StatusMix.module.css';
import type { Stats } from './useStats';

const listed = 6;

/** What the answers were. */
export function StatusMix({
  of: question,
  className,
}: {
  of: Question<Stats>;
  className?: string | undefined;
}) {
  return (
    <Panel title="Answers by status" className={className ?? ''}>
      <Answer
        of={question}
        bones={6}
        empty={({ statusMix }) => statusMix.length === 0}
        nothing={<Nothing title="No answers">There was nothing to answer in the last hour.</Nothing>}
      >
        {({ statusMix }) => <Mix of={statusMix} />}
      </Answer>
    </Panel>
  );
}

function Mix({ of: mix }: { of: Stats['statusMix'] }) {
  const sorted = useMemo(() => [...mix].sort((a, b) => b.requests - a.requests), [mix]);
  const option = useCallback((palette: Palette) => statusMix(sorted, palette), [sorted]);
  const rest = sorted.slice(listed).reduce((sum, s) => sum + s.requests, 0);
  const total = sorted.reduce((sum, s) => sum + s.requests, 0);
  return (
    <div className={classes.box}>
      <div className={classes.mix}>
        <div className={classes.ring}>
          <Chart
            option={option}
            height={128}
            label={`Answers by status, ${count(total)} in all; the list beside says how many of each`}
          />
          <span className={classes.total} aria-hidden>
            <strong>{compact(total)}</strong>
            answers
          </span>
        </div>
        <ol className={classes.list}>
          {sorted.slice(0, listed).map((s) => (
            <li key={s.status}>
              <span className={classes.key} data-look={look(s.status)} aria-hidden />
              <Link href={links.status(s.status)} className={classes.status}>
                {s.status} <span>{statusName(s.status)}</span>
              </Link>
              <span className={classes.share} title={count(s.requests)}>
                {percent(s.requests / total)}
              </span>
            </li>
          ))}
          {rest > 0 && (
            <li>
              <span className={classes.key} data-look="rest" aria-hidden />
              <span className={classes.status}>
                <span>others</span>
              </span>
              <span className={classes.share}>{percent(rest / total)}</span>
            </li>
          )}
        </ol>
      </div>
    </div>
  );
}

/** Follows charts/statusMix. */
function look(status: number): string {
  if (status >= 500) return 'broken';
  if (status === 403 || status === 429) return 'refused';
  if (status >= 400) return 'failed';
  return status >= 300 ? 'redirected' : 'passed';
}
