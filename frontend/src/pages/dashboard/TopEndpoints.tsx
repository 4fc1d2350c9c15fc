import { Link } from 'wouter';
import type { Question } from '../../api/useQuery';
import { took } from '../../format/durations';
import { compact, count, percent } from '../../format/numbers';
import { Answer, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { Panel } from '../../ui/Panel';
import classes from './TopEndpoints.module.css';
import { parts } from './timeline';
import type { Stats } from './useStats';

/** The paths that were asked for most, and how they fared. */
export function TopEndpoints({
  of: question,
  className,
}: {
  of: Question<Stats>;
  className?: string | undefined;
}) {
  return (
    <Panel title="Top endpoints" className={className ?? ''}>
      <Answer
        of={question}
        bones={6}
        empty={({ topEndpoints }) => topEndpoints.length === 0}
        nothing={
          <Nothing title="No requests">Endpoints appear here as soon as somebody asks for them.</Nothing>
        }
      >
        {({ topEndpoints }) => {
          const most = Math.max(...topEndpoints.map((e) => e.requests));
          return (
            <ol className={classes.list}>
              {topEndpoints.map((e) => {
                const { passed, failed, refused } = parts({ ...e, at: '', alerts: 0 });
                const width = (n: number) => ({ width: `${(n / most) * 100}%` });
                return (
                  <li key={e.path}>
                    <span className={classes.line}>
                      {e.path === '(other)' ? (
                        <span className={classes.path}>other paths</span>
                      ) : (
                        <Link href={links.path(e.path)} className={classes.path} title={e.path}>
                          {e.path}
                        </Link>
                      )}
                      <strong title={count(e.requests)}>{compact(e.requests)}</strong>
                    </span>
                    <span className={classes.bar} aria-hidden>
                      <span data-look="passed" style={width(passed)} />
                      <span data-look="failed" style={width(failed)} />
                      <span data-look="refused" style={width(refused)} />
                    </span>
                    <span className={classes.more}>
                      {percent(e.requests ? (failed + refused) / e.requests : 0)} failed or refused,{' '}
                      {took(e.took)} on average
                    </span>
                  </li>
                );
              })}
            </ol>
          );
        }}
      </Answer>
    </Panel>
  );
}
