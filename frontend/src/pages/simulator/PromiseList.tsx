import { IconCircle, IconCircleCheckFilled, IconCircleXFilled, IconLoader2 } from '@tabler/icons-react';
import { Link } from 'wouter';
import type { Scenario, Verdict } from '../../../../simulator/play';
import { links } from '../../ui/links';
import { Panel } from '../../ui/Panel';
import classes from './PromiseList.module.css';
import type { View } from './simulation';

/** What the scenario promises, and after the run whether it came true. */
export function PromiseList({ scenario, view }: { scenario: Scenario; view: View }) {
  const kept = view.verdicts.filter((v) => v.kept).length;
  const aside =
    view.verdicts.length > 0 ? `${kept} of ${view.verdicts.length} came true` : 'checked after the run';
  return (
    <Panel title="Promises" aside={aside} flush>
      <ol className={classes.list}>
        {scenario.promises.map((promise, i) => (
          <One
            // biome-ignore lint/suspicious/noArrayIndexKey: a promise is known by its place
            key={i}
            claim={promise.claim}
            verdict={view.verdicts[i]}
            waiting={view.phase === 'checking'}
            more={more(view.verdicts[i], view)}
          />
        ))}
      </ol>
    </Panel>
  );
}

function One({
  claim,
  verdict,
  waiting,
  more,
}: {
  claim: string;
  verdict: Verdict | undefined;
  waiting: boolean;
  more: { to: string; text: string } | undefined;
}) {
  if (!verdict)
    return (
      <li className={classes.one} data-waiting={waiting || undefined}>
        {waiting ? <IconLoader2 size={18} aria-hidden /> : <IconCircle size={18} stroke={1.6} aria-hidden />}
        <p className={classes.claim}>{claim}</p>
      </li>
    );
  const Icon = verdict.kept ? IconCircleCheckFilled : IconCircleXFilled;
  return (
    <li className={classes.one} data-kept={verdict.kept}>
      <Icon size={18} aria-hidden />
      <div>
        <p className={classes.claim}>{claim}</p>
        <p className={classes.sentence}>
          <span className="only-heard">{verdict.kept ? 'Kept: ' : 'Broken: '}</span>
          {verdict.sentence}
        </p>
      </div>
      {more && (
        <Link href={more.to} className={classes.more}>
          {more.text}
        </Link>
      )}
    </li>
  );
}

/** Where the alerts or the incident of a promise are shown. */
function more(verdict: Verdict | undefined, view: View): { to: string; text: string } | undefined {
  if (!verdict) return undefined;
  const alerts = view.facts.flatMap((f, i) =>
    !verdict.group || view.cells[i]?.group === verdict.group ? f.alerts : [],
  );
  const [first] = alerts;
  if (!first) return undefined;
  if (verdict.kind === 'incident' && first.incident)
    return { to: links.incident(first.incident), text: 'Open the incident' };
  if (verdict.kind !== 'alert') return undefined;
  return alerts.length === 1
    ? { to: links.alert(first.id), text: 'Open the alert' }
    : { to: '/alerts', text: 'See the alerts' };
}
