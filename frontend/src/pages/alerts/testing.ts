import type { AlertDecisionFragment } from '../../gql/AlertDecision';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import type { AlertRowFragment } from '../../gql/AlertRow';

const noon = Date.parse('2026-03-01T12:00:00.000Z');

/** Seconds after noon of a day in March. */
export function at(seconds: number): string {
  return new Date(noon + seconds * 1000).toISOString();
}

/** One address, or with `more` something else that an alert is about. */
export function target(label: string, more: Partial<AlertDetailFragment['actor']> = {}) {
  return {
    __typename: 'Target' as const,
    label,
    network: label as string | null,
    keyPrefix: null,
    account: null,
    route: null,
    ...more,
  };
}

/** What most findings show besides their count: nothing. */
export function evidence(
  more: Partial<AlertDetailFragment['evidence']> = {},
): AlertDetailFragment['evidence'] {
  return {
    __typename: 'Evidence',
    seen: [],
    parts: [],
    unless: null,
    account: null,
    userAgent: null,
    country: null,
    asn: null,
    tokens: [],
    ...more,
  };
}

/** A row of the list, for tests. */
export function row(id: string, more: Partial<AlertRowFragment> = {}): AlertRowFragment {
  return {
    __typename: 'Alert',
    id,
    rule: 'rate-abuse',
    title: 'Too many requests',
    severity: 'HIGH',
    status: 'OPEN',
    reason: `198.51.100.${id} sent 101 requests in 41 seconds.`,
    client: `198.51.100.${id}`,
    keyPrefix: 'user_key',
    path: '/api/balance',
    actor: { __typename: 'Target', label: `198.51.100.${id}`, account: null, route: null },
    findings: 1,
    firstAt: at(0),
    lastAt: at(0),
    decision: null,
    incident: null,
    ...more,
  };
}

/** A block that nobody has lifted and that ends long after the test. */
export function block(id: string, more: Partial<AlertDecisionFragment> = {}): AlertDecisionFragment {
  return {
    __typename: 'Decision',
    id,
    action: 'BLOCK',
    state: 'IN_FORCE',
    reason: '101 requests in 41 seconds',
    origin: 'RULE',
    rule: 'rate-abuse',
    by: 'node-1',
    from: at(41),
    until: new Date(Date.now() + 3_600_000).toISOString(),
    liftedAt: null,
    liftedBy: null,
    target: target('198.51.100.7'),
    hammering: null,
    ...more,
  };
}

/** Everything about one alert, for tests. */
export function detail(id: string, more: Partial<AlertDetailFragment> = {}): AlertDetailFragment {
  return {
    ...row(id),
    ruleVersion: 1,
    method: 'GET',
    count: 3,
    limit: 2,
    windowSeconds: 60,
    times: [at(0), at(20), at(41)],
    resolvedAt: null,
    resolvedBy: null,
    actor: target('198.51.100.7'),
    evidence: evidence(),
    decision: null,
    decisions: [],
    incident: null,
    exchanges: [],
    ...more,
  };
}

/** The server's answer to the question for a page of the list. */
export function pageOf(rows: AlertRowFragment[], total = rows.length, endCursor: string | null = null) {
  return {
    alerts: {
      totalCount: total,
      edges: rows.map((node) => ({ node })),
      pageInfo: { endCursor, hasNextPage: endCursor !== null },
    },
  };
}
