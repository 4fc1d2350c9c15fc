import type { IncidentAlertFragment } from '../../gql/IncidentAlert';

/** One alert in its client's lane; places are shares of the whole time, from 0 to 1. */
export interface Mark {
  alert: IncidentAlertFragment;
  from: number;
  to: number;
  /** Which line of the lane, so that marks don't cover each other. */
  line: number;
}

export interface Lane {
  label: string;
  network: string | null;
  marks: Mark[];
  lines: number;
}

const apart = 0.055; // of the width: closer than that, marks would touch

/** The alerts of an incident by client, in the order in which the clients appeared. */
export function lanes(alerts: IncidentAlertFragment[], firstAt: string, lastAt: string): Lane[] {
  const begin = Date.parse(firstAt);
  const whole = Date.parse(lastAt) - begin;
  const at = (time: string) => (whole <= 0 ? 0 : clamp((Date.parse(time) - begin) / whole));
  const sorted = [...alerts].sort((a, b) => Date.parse(a.firstAt) - Date.parse(b.firstAt));
  const found = new Map<string, Lane>();
  for (const alert of sorted) {
    const { label, network } = alert.actor;
    const lane = found.get(label) ?? { label, network, marks: [], lines: 0 };
    found.set(label, lane);
    const from = at(alert.firstAt);
    let line = 0;
    while (lane.marks.some((m) => m.line === line && from < m.to + apart)) line++;
    lane.marks.push({ alert, from, to: Math.max(from, at(alert.lastAt)), line });
    lane.lines = Math.max(lane.lines, line + 1);
  }
  return [...found.values()];
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
