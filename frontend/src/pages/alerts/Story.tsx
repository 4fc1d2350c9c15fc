import type { ReactNode } from 'react';
import { span } from '../../format/durations';
import { count } from '../../format/numbers';
import { exact } from '../../format/time';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import { actionLabel } from '../../ui/ActionBadge';
import { when } from './outcome';
import classes from './Story.module.css';

interface Step {
  at: string;
  kind: 'found' | 'decided' | 'done';
  text: ReactNode;
}

/** What happened when, from the first finding to the last thing that was done about it. */
export function Story({ alert }: { alert: AlertDetailFragment }) {
  return (
    <ol className={classes.story}>
      {steps(alert).map((s) => (
        <li key={`${s.at} ${s.kind} ${String(s.text)}`} className={classes.step} data-kind={s.kind}>
          <time dateTime={s.at} title={exact(s.at)}>
            {when(s.at)}
          </time>
          <span>{s.text}</span>
        </li>
      ))}
    </ol>
  );
}

/** In the order of time; what happened at once stays in the order of cause and effect. */
export function steps(alert: AlertDetailFragment): Step[] {
  const d = alert.decision;
  const out: Step[] = [{ at: alert.firstAt, kind: 'found', text: 'First finding: the alert was raised' }];
  if (alert.findings > 1) {
    const lasted = span((Date.parse(alert.lastAt) - Date.parse(alert.firstAt)) / 1000);
    out.push({
      at: alert.lastAt,
      kind: 'found',
      text: `Last of ${count(alert.findings)} findings, merged over ${lasted}`,
    });
  }
  if (d) {
    const length = d.until
      ? `for ${span((Date.parse(d.until) - Date.parse(d.from)) / 1000)}`
      : 'until lifted';
    out.push({
      at: d.from,
      kind: 'decided',
      text: `${actionLabel(d.action)} of ${d.target.label}, ${length}`,
    });
    if (d.liftedAt) out.push({ at: d.liftedAt, kind: 'done', text: `Lifted by ${d.liftedBy ?? 'somebody'}` });
    else if (d.until && d.state === 'EXPIRED')
      out.push({ at: d.until, kind: 'done', text: 'It ended by itself' });
  }
  if (alert.resolvedAt)
    out.push({ at: alert.resolvedAt, kind: 'done', text: `Resolved by ${alert.resolvedBy ?? 'somebody'}` });
  return out.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
