import { Button } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { span } from '../../format/durations';
import { clock } from '../../format/time';
import type { IncidentAlertFragment } from '../../gql/IncidentAlert';
import { links } from '../../ui/links';
import { severityLabel } from '../../ui/SeverityBadge';
import classes from './Attack.module.css';
import { lanes } from './lanes';

const some = 12; // lanes that are shown at first
const shapes = 5; // that Attack.module.css draws

/** Who did what when: a lane for each client, a mark for each alert, which is a link to it. */
export function Attack({
  alerts,
  firstAt,
  lastAt,
}: {
  alerts: IncidentAlertFragment[];
  firstAt: string;
  lastAt: string;
}) {
  const all = lanes(alerts, firstAt, lastAt);
  const [whole, setWhole] = useState(all.length <= some + 2);
  const shown = whole ? all : all.slice(0, some);
  const rules = [...new Set(alerts.map((a) => a.rule))].sort();
  const lasted = (Date.parse(lastAt) - Date.parse(firstAt)) / 1000;
  return (
    <div className={classes.attack}>
      <div className={classes.axis}>
        <span>{clock(firstAt)}</span>
        <span>{lasted >= 1 ? span(lasted) : 'at once'}</span>
        <span>{clock(lastAt)}</span>
      </div>
      <ul className={classes.lanes} aria-label="Alerts by client, over time">
        {shown.map((lane) => (
          <li key={lane.label} className={classes.lane}>
            <span className={classes.label} title={lane.label}>
              {lane.label}
            </span>
            <span className={classes.track} style={{ height: `${lane.lines * 20 + 8}px` }}>
              {lane.marks.map(({ alert, from, to, line }) => (
                <Link
                  key={alert.id}
                  href={links.alert(alert.id)}
                  className={classes.mark}
                  data-severity={alert.severity}
                  style={{
                    left: `calc(${from} * (100% - 18px))`,
                    width: `calc(18px + ${to - from} * (100% - 18px))`,
                    top: `${line * 20 + 6}px`,
                  }}
                  title={`${clock(alert.firstAt)} ${alert.title}`}
                  aria-label={`${severityLabel(alert.severity)}: ${alert.title}, ${clock(alert.firstAt)}`}
                >
                  <Shape rules={rules} alert={alert} />
                </Link>
              ))}
            </span>
          </li>
        ))}
      </ul>
      {!whole && (
        <Button size="xs" variant="default" onClick={() => setWhole(true)}>
          Show all {all.length} clients
        </Button>
      )}
      <Key rules={rules} alerts={alerts} />
    </div>
  );
}

function Shape({ rules, alert }: { rules: string[]; alert: IncidentAlertFragment }) {
  return (
    <span
      className={classes.symbol}
      data-severity={alert.severity}
      data-shape={rules.indexOf(alert.rule) % shapes}
      aria-hidden
    />
  );
}

/** Which shapes and colours stand for what here. */
function Key({ rules, alerts }: { rules: string[]; alerts: IncidentAlertFragment[] }) {
  return (
    <p className={classes.key}>
      {rules.map((rule) => {
        const alert = alerts.find((a) => a.rule === rule);
        return (
          alert && (
            <span key={rule}>
              <Shape rules={rules} alert={alert} />
              {alert.title}, {severityLabel(alert.severity).toLowerCase()}
            </span>
          )
        );
      })}
    </p>
  );
}
