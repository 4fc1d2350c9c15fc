import { Badge } from '../../ui/Badge';
import { bandOf, bands } from './bands';
import classes from './Score.module.css';

/** The score of an incident with the word for its band. */
export function ScoreBadge({ score }: { score: number }) {
  const band = bandOf(score);
  return (
    <span title={`Score ${score} of 100. ${band.means}`}>
      <Badge tone={band.tone}>
        {score} {band.name}
      </Badge>
    </span>
  );
}

/** Where a score stands among the bands, and what that means. */
export function Score({ score }: { score: number }) {
  const band = bandOf(score);
  return (
    <div className={classes.score}>
      <div className={classes.scale} aria-hidden>
        {bands.map((b, i) => {
          const to = bands[i + 1]?.from ?? 100;
          return (
            <span
              key={b.from}
              className={classes.band}
              data-tone={b.tone}
              data-here={b === band || undefined}
              style={{ width: `${to - b.from}%` }}
            >
              <span>{b.name}</span>
              {b.from > 0 && <span className={classes.from}>{b.from}</span>}
            </span>
          );
        })}
        <span className={classes.mark} style={{ left: `${score}%` }} />
      </div>
      <p className={classes.means}>{band.means}</p>
    </div>
  );
}
