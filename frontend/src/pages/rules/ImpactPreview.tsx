import { explain } from '../../api/explain';
import { useQuery } from '../../api/useQuery';
import { count, many } from '../../format/numbers';
import { RuleImpactDocument, type RuleImpactQuery } from '../../gql/RuleImpact';
import type { RuleMode } from '../../gql/schema';
import classes from './RulesPage.module.css';

type Impact = RuleImpactQuery['impact'];

/** What another mode would have done over the last day. It may take half a minute to find out. */
export function ImpactPreview({ rule, mode }: { rule: string; mode: RuleMode }) {
  const { data, error } = useQuery(RuleImpactDocument, { rule, mode });
  return (
    <section className={classes.impact} aria-label="What that would have done" aria-live="polite">
      {data ? (
        <Told impact={data.impact} />
      ) : error ? (
        <p>{explain(error)}</p>
      ) : (
        <p>Playing the last 24 hours…</p>
      )}
    </section>
  );
}

function Told({ impact: { before, after, newlyHit, moreNewlyHit, played } }: { impact: Impact }) {
  if (played.played === 0) return <p>Nothing is stored of the last 24 hours to try it on.</p>;
  return (
    <>
      <p>
        Over the last 24 hours, {many(played.played, 'exchange')}: it would have refused{' '}
        <strong>{many(after.refused, 'request')}</strong>
        {after.refused > 0 && ` (the API had answered ${count(after.wellAnswered)} of them well)`} instead of{' '}
        {count(before.refused)}.
      </p>
      {newlyHit.length > 0 && (
        <>
          <p>Newly dealt with:</p>
          <ul className={classes.hits}>
            {newlyHit.slice(0, 5).map((h) => (
              <li key={h.target.label}>
                <span className="mono">{h.target.label}</span>
                {h.refused > 0 && <span className={classes.dim}>{many(h.refused, 'request')} refused</span>}
              </li>
            ))}
          </ul>
          {newlyHit.length + moreNewlyHit > 5 && (
            <p className={classes.dim}>and {count(newlyHit.length + moreNewlyHit - 5)} more</p>
          )}
        </>
      )}
      {played.cut && <p className={classes.dim}>{played.cut}</p>}
    </>
  );
}
