import type { IncidentAlertFragment } from '../../gql/IncidentAlert';
import type { IncidentRowFragment } from '../../gql/IncidentRow';

const noon = Date.parse('2026-03-01T12:00:00.000Z');

/** Seconds after noon of a day in March. */
export function at(seconds: number): string {
  return new Date(noon + seconds * 1000).toISOString();
}

/** A row of the list, for tests. */
export function row(id: string, more: Partial<IncidentRowFragment> = {}): IncidentRowFragment {
  return {
    __typename: 'Incident',
    id,
    reference: `INC-${id}`,
    title: `Attack ${id}`,
    severity: 'HIGH',
    score: 74,
    status: 'OPEN',
    firstAt: at(0),
    lastAt: at(100),
    alertCount: 2,
    clientCount: 2,
    shared: 'network 198.51.100.0/24',
    ...more,
  };
}

/** An alert of an incident, for tests. */
export function alert(id: string, more: Partial<IncidentAlertFragment> = {}): IncidentAlertFragment {
  const address = `198.51.100.${id}`;
  return {
    __typename: 'Alert',
    id,
    rule: 'rate-abuse',
    title: 'Too many requests',
    severity: 'HIGH',
    status: 'OPEN',
    reason: 'It sent 101 requests.',
    client: address,
    actor: { __typename: 'Target', label: address, network: address },
    findings: 1,
    firstAt: at(0),
    lastAt: at(0),
    decision: null,
    ...more,
  };
}

/** A block that nobody has lifted and that ends long after the test. */
export function block(id: string): NonNullable<IncidentAlertFragment['decision']> {
  return {
    __typename: 'Decision',
    id,
    action: 'BLOCK',
    state: 'IN_FORCE',
    until: new Date(Date.now() + 3_600_000).toISOString(),
  };
}

/** The server's answer to the question for a page of the list. */
export function pageOf(rows: IncidentRowFragment[], total = rows.length, endCursor: string | null = null) {
  return {
    incidents: {
      totalCount: total,
      edges: rows.map((node) => ({ node })),
      pageInfo: { endCursor, hasNextPage: endCursor !== null },
    },
  };
}
