import { IconAlertTriangleFilled } from '@tabler/icons-react';
import { count } from '../format/numbers';
import { clock, exact } from '../format/time';
import classes from './HealthBanner.module.css';
import type { Health } from './useHealth';

/** Says which dependency is away, since when, and what happens meanwhile. Nothing when all is well. */
export function HealthBanner({ health }: { health: Health | undefined }) {
  if (!health || health.state === 'OK') return null;
  const away = health.dependencies.filter((d) => d.state !== 'OK');
  return (
    <section className={classes.banner} data-state={health.state} aria-label="Health" role="status">
      <IconAlertTriangleFilled size={18} aria-hidden />
      <div>
        <p className={classes.title}>{health.state === 'DOWN' ? 'Not working' : 'Degraded'}</p>
        <ul className={classes.list}>
          {away.map((d) => (
            <li key={d.name}>
              <strong>{d.name}</strong> since{' '}
              <time dateTime={d.since} title={exact(d.since)}>
                {sinceText(d.since, Date.now())}
              </time>
              : {d.detail}
            </li>
          ))}
          {health.waiting > 0 && <li>{count(health.waiting)} alerts and decisions wait to be written.</li>}
          {health.trafficLost > 0 && <li>{count(health.trafficLost)} traffic rows could not be written.</li>}
        </ul>
      </div>
    </section>
  );
}

/** The time of day says enough on the same day. */
function sinceText(since: string, now: number): string {
  return now - Date.parse(since) < 12 * 3_600_000 ? clock(since) : exact(since);
}
