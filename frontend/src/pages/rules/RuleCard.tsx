import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from 'wouter';
import { count, many } from '../../format/numbers';
import type { RuleItemFragment } from '../../gql/RuleItem';
import { RuleModeBadge } from '../../ui/ModeBadge';
import { SeverityBadge } from '../../ui/SeverityBadge';
import { ModeControl } from './ModeControl';
import classes from './RulesPage.module.css';

/** One rule: what it looks for, in words, and what it has or would have done. */
export function RuleCard({
  rule: r,
  enforcing,
  act,
  onChanged,
}: {
  rule: RuleItemFragment;
  /** The gateway refuses what rules in ENFORCE find. */
  enforcing: boolean;
  /** Who looks may change it. */
  act: boolean;
  onChanged: () => void;
}) {
  const own = r.origin === 'CONSOLE';
  return (
    <li className={classes.rule} data-mode={r.failed ? 'FAILED' : r.mode}>
      <div className={classes.words}>
        <h3 className={classes.title}>{r.title}</h3>
        <p className={classes.badges}>
          {!r.failed && <RuleModeBadge mode={r.mode} idle={!enforcing} />}
          {!r.failed && <SeverityBadge severity={r.severity} />}
          <span className="mono">{r.id}</span>
          <span>version {r.version}</span>
          <span>{origins[r.origin]}</span>
        </p>
        {r.failed ? (
          <p className={classes.failed}>
            <IconAlertTriangle size={15} aria-hidden />
            <span>Not in force. {r.failed}</span>
          </p>
        ) : (
          <p className={classes.explanation}>{r.explanation}</p>
        )}
        {own && (
          <p className={classes.set}>
            <Link
              href={`/rules/${r.id}`}
              className={classes.link ?? ''}
              aria-label={`${act ? 'Edit' : 'Open'} ${r.title}`}
            >
              {act ? 'Edit' : 'Open'}
            </Link>
            {r.saved && ` · saved by ${r.saved.by}`}
          </p>
        )}
      </div>
      <div className={classes.would}>
        {act && !r.failed && <ModeControl rule={r} onSet={onChanged} />}
        <Would rule={r} enforcing={enforcing} />
      </div>
    </li>
  );
}

const origins: Record<RuleItemFragment['origin'], string> = {
  BUILT_IN: 'built in',
  PACK: 'comes with Sentinel',
  FILE: 'from rules_dir',
  CONSOLE: 'written here',
};

function Would({ rule: r, enforcing }: { rule: RuleItemFragment; enforcing: boolean }) {
  const { requests, findings } = r.wouldHave;
  if (requests === 0 && findings === 0) return <p className={classes.nothing}>{idle(r, enforcing)}</p>;
  return (
    <>
      <p className={classes.figure}>
        <strong>{count(requests)}</strong>
        <span>{requests === 1 ? 'request' : 'requests'} would have been refused</span>
      </p>
      <p className={classes.found}>Would have acted {times(findings)}</p>
    </>
  );
}

function times(n: number): string {
  return n === 1 ? 'once' : many(n, 'time');
}

/** What to say when nothing is counted that would have been done. */
function idle({ mode, failed }: RuleItemFragment, enforcing: boolean): string {
  if (failed) return 'It looks for nothing until it is mended.';
  if (mode === 'OFF') return 'Switched off: it looks for nothing.';
  if (mode === 'ENFORCE' && enforcing) return 'Acts on what it finds. See Alerts.';
  return 'Would have refused nothing so far.';
}
