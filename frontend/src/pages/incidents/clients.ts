import type { IncidentAlertFragment } from '../../gql/IncidentAlert';
import { severities } from '../../ui/SeverityBadge';

/** One client of an incident, and what it did. */
export interface Involved {
  label: string;
  /** An address or network to ask its traffic for. */
  address: string;
  alerts: IncidentAlertFragment[];
  /** What was found, each once, the worst first. */
  titles: string[];
  worst: IncidentAlertFragment['severity'];
  lastAt: string;
}

/** Who took part, those who did worst first. */
export function clientsOf(alerts: IncidentAlertFragment[]): Involved[] {
  const by = new Map<string, IncidentAlertFragment[]>();
  for (const a of alerts) by.set(a.actor.label, [...(by.get(a.actor.label) ?? []), a]);
  const clients = [...by].map(([label, theirs]): Involved => {
    const sorted = theirs.toSorted((a, b) => rank(a) - rank(b));
    const first = sorted[0] as IncidentAlertFragment; // groups hold at least one
    return {
      label,
      address: first.actor.network ?? first.client,
      alerts: sorted,
      titles: [...new Set(sorted.map((a) => a.title))],
      worst: first.severity,
      lastAt: theirs.reduce((last, a) => (a.lastAt > last ? a.lastAt : last), first.lastAt),
    };
  });
  return clients.sort(
    (a, b) => severities.indexOf(a.worst) - severities.indexOf(b.worst) || b.alerts.length - a.alerts.length,
  );
}

function rank(alert: IncidentAlertFragment): number {
  return severities.indexOf(alert.severity);
}
