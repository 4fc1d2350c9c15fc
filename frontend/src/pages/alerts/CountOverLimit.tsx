import { span, took } from '../../format/durations';
import { count, many } from '../../format/numbers';
import { clock } from '../../format/time';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import classes from './CountOverLimit.module.css';
import { curve, path } from './countOverLimit';

const mostSeen = 32; // values are kept of those that were counted

/** How many were counted against how many are allowed, and how they came over the window. */
export function CountOverLimit({ alert }: { alert: AlertDetailFragment }) {
  const drawn = curve(alert);
  const { count: n, limit, windowSeconds } = alert;
  const { parts, seen } = alert.evidence;
  const values = seen.length > 0 && (alert.times.length === 0 || seen.length === Math.min(n, mostSeen));
  if (parts.length > 0)
    return (
      <p className={classes.words}>
        {limit > 0 ? (
          <>
            A score of <strong className={classes.count}>{count(n)}</strong> where up to {count(limit)} is
            usual
          </>
        ) : (
          <>
            A score of <strong className={classes.count}>{count(n)}</strong>, which adds up what is unusual
          </>
        )}
      </p>
    );
  if (limit === 0)
    return (
      <p className={classes.words}>
        <strong>One is enough.</strong>{' '}
        {windowSeconds > 0
          ? `What the rule looks for was not there in the ${span(windowSeconds)} before.`
          : 'This rule counts nothing: the first such request trips it.'}
      </p>
    );
  const within = windowSeconds > 0 ? ` in ${span(windowSeconds)}` : '';
  const last = alert.times.at(-1);
  return (
    <div>
      <p className={classes.words}>
        <strong className={classes.count}>{count(n)}</strong>
        {values && ' different ones'} where {count(limit)} {limit === 1 ? 'is' : 'are'} allowed{within}
        {drawn && `; these came within ${lasted(drawn.took)}`}
      </p>
      {drawn && last && (
        <figure
          className={classes.figure}
          role="img"
          aria-label={`${many(n, 'exchange')} counted within ${lasted(drawn.took)}, up to ${clock(last)}; more than ${count(limit)} within ${span(windowSeconds)} trip the rule.`}
        >
          <div className={classes.plot}>
            <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
              <path d={path(drawn, true)} className={classes.area} />
              <path d={path(drawn, false)} className={classes.line} />
              <path
                d={drawn.points.map((p) => `M${Math.round(p.x * 1000)} 1000v-45`).join('')}
                className={classes.rug}
              />
            </svg>
            <div className={classes.limit} style={{ bottom: `${drawn.limit * 100}%` }}>
              <span>limit {count(limit)}</span>
            </div>
            <span className={classes.trip} style={{ bottom: `${(drawn.points.at(-1)?.y ?? 0) * 100}%` }} />
          </div>
          <div className={classes.axis}>
            <span>−{lasted(drawn.seconds)}</span>
            <span>{clock(last)}</span>
          </div>
          {drawn.from > 0 && (
            <div className={classes.strip}>
              <span className={classes.window}>
                <span style={{ left: `${drawn.from * 100}%` }} />
              </span>
              <span>drawn: the end of the window of {span(windowSeconds)}</span>
            </div>
          )}
        </figure>
      )}
    </div>
  );
}

/** Short times to the tenth, longer ones in words. */
function lasted(seconds: number): string {
  return seconds < 10 ? took(seconds * 1000) : span(seconds);
}
