import { count, many } from '../../format/numbers';
import type { RuleItemFragment } from '../../gql/RuleItem';
import { RuleModeBadge } from '../../ui/ModeBadge';
import { SeverityBadge } from '../../ui/SeverityBadge';
import classes from './RulesPage.module.css';

/** One rule: what it looks for, in words, and what it has or would have done. */
export function RuleCard({
  rule: r,
  enforcing,
}: {
  rule: RuleItemFragment;
  /** The gateway refuses what rules in ENFORCE find. */
  enforcing: boolean;
}) {
  const { requests, findings } = r.wouldHave;
  const some = requests > 0 || findings > 0;
  return (
    <li className={classes.rule} data-mode={r.mode}>
      <div className={classes.words}>
        <h3 className={classes.title}>{r.title}</h3>
        <p className={classes.badges}>
          <RuleModeBadge mode={r.mode} idle={!enforcing} />
          <SeverityBadge severity={r.severity} />
          <span className="mono">{r.id}</span>
          <span>version {r.version}</span>
        </p>
        <p className={classes.explanation}>{r.explanation}</p>
      </div>
      <div className={classes.would}>
        {some ? (
          <>
            <p className={classes.figure}>
              <strong>{count(requests)}</strong>
              <span>{requests === 1 ? 'request' : 'requests'} would have been refused</span>
            </p>
            <p className={classes.found}>Would have acted {times(findings)}</p>
          </>
        ) : (
          <p className={classes.nothing}>{idle(r.mode, enforcing)}</p>
        )}
      </div>
    </li>
  );
}

function times(n: number): string {
  return n === 1 ? 'once' : many(n, 'time');
}

/** What to say when nothing is counted that would have been done. */
function idle(mode: RuleItemFragment['mode'], enforcing: boolean): string {
  if (mode === 'OFF') return 'Switched off: it looks for nothing.';
  if (mode === 'ENFORCE' && enforcing) return 'Acts on what it finds. See Alerts.';
  return 'Would have refused nothing so far.';
}
