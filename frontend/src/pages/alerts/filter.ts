import type { AlertRowFragment } from '../../gql/AlertRow';
import type { AlertFilter, AlertStatus, Severity } from '../../gql/schema';
import { severities } from '../../ui/SeverityBadge';

/** What the list shows; it stands in the address, so that it can be shared. */
export interface ListFilter {
  severities: Severity[];
  status: AlertStatus | 'ALL';
  text: string;
  /** These are set by links from elsewhere, and can be taken away. */
  rule: string;
  client: string;
  account: string;
  incident: string;
}

/** What still needs somebody. */
export const usual: ListFilter = {
  severities: [],
  status: 'OPEN',
  text: '',
  rule: '',
  client: '',
  account: '',
  incident: '',
};

/** What links narrow the list by. */
export const linked = ['rule', 'client', 'account', 'incident'] as const;

const statuses = ['OPEN', 'RESOLVED', 'ALL'] as const;

/** Reads the filter from an address; what it does not know it leaves out. */
export function readFilter(query: URLSearchParams): ListFilter {
  const named = (query.get('severity') ?? '').toUpperCase().split(',');
  const status = query.get('status')?.toUpperCase();
  return {
    severities: severities.filter((s) => named.includes(s)),
    status: statuses.find((s) => s === status) ?? usual.status,
    text: query.get('q') ?? '',
    rule: query.get('rule') ?? '',
    client: query.get('client') ?? '',
    account: query.get('account') ?? '',
    incident: query.get('incident') ?? '',
  };
}

/** What readFilter reads, with its question mark; empty for the usual filter. */
export function writeFilter(filter: ListFilter): string {
  const query = new URLSearchParams();
  if (filter.severities.length > 0) query.set('severity', filter.severities.join(',').toLowerCase());
  if (filter.status !== usual.status) query.set('status', filter.status.toLowerCase());
  if (filter.text) query.set('q', filter.text);
  for (const name of linked) if (filter[name]) query.set(name, filter[name]);
  const written = query.toString().replaceAll('%2C', ',');
  return written && `?${written}`;
}

/** What the server is asked. */
export function ask(filter: ListFilter): AlertFilter {
  const text = filter.text.trim();
  return {
    ...(filter.severities.length > 0 && { severities: filter.severities }),
    ...(filter.status !== 'ALL' && { status: filter.status }),
    ...(text && { text }),
    ...(filter.rule && { rule: filter.rule }),
    ...(filter.client && { client: filter.client }),
    ...(filter.account && { account: filter.account }),
    ...(filter.incident && { incident: filter.incident }),
  };
}

/** Whether an alert belongs in the list, as the server would say. */
export function matches(alert: AlertRowFragment, filter: ListFilter): boolean {
  const text = filter.text.trim().toLowerCase();
  const searched = [
    alert.rule,
    alert.title,
    alert.reason,
    alert.actor.label,
    alert.client,
    alert.keyPrefix ?? '',
    alert.path,
  ];
  return (
    (filter.severities.length === 0 || filter.severities.includes(alert.severity)) &&
    (filter.status === 'ALL' || filter.status === alert.status) &&
    (!text || searched.some((s) => s.toLowerCase().includes(text))) &&
    (!filter.rule || filter.rule === alert.rule) &&
    // A network is not worked out here: the server's next answer has what belongs to it.
    (!filter.client || filter.client === alert.client || filter.client === alert.actor.label) &&
    (!filter.account || filter.account.toLowerCase() === alert.actor.account?.toLowerCase()) &&
    (!filter.incident || filter.incident === alert.incident?.id)
  );
}

/** Whether something is narrowed beyond the status, which is always chosen. */
export function narrowed(filter: ListFilter): boolean {
  return writeFilter({ ...filter, status: usual.status }) !== '';
}
