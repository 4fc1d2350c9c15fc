import { addressIn } from '../../format/network';
import type { IpRowFragment } from '../../gql/IpRow';
import type { Action, DecisionFilter, DecisionState, Origin } from '../../gql/schema';

/** What the list shows; it stands in the address, so that it can be shared. */
export interface ListFilter {
  state: DecisionState | 'ALL';
  action: Action | '';
  origin: Origin | '';
  /** An address finds every decision that covers it; other text is searched for. */
  text: string;
}

export const usual: ListFilter = { state: 'IN_FORCE', action: '', origin: '', text: '' };

const states = ['IN_FORCE', 'EXPIRED', 'LIFTED', 'ALL'] as const;
const actions: Action[] = ['BLOCK', 'ALLOW', 'MONITOR', 'THROTTLE'];
const origins: Origin[] = ['RULE', 'OPERATOR', 'IMPORT', 'FEED'];

/** Reads the filter from an address; what it does not know it leaves out. */
export function readFilter(query: URLSearchParams): ListFilter {
  const said = (name: string) => query.get(name)?.toUpperCase().replaceAll('-', '_');
  return {
    state: states.find((s) => s === said('state')) ?? usual.state,
    action: actions.find((a) => a === said('action')) ?? '',
    origin: origins.find((o) => o === said('origin')) ?? '',
    text: (query.get('q') ?? '').slice(0, 200),
  };
}

/** What readFilter reads, with its question mark; `client` is whose pane is open beside the list. */
export function writeFilter(filter: ListFilter, client = ''): string {
  const query = new URLSearchParams();
  if (filter.state !== usual.state) query.set('state', filter.state.toLowerCase().replaceAll('_', '-'));
  if (filter.action) query.set('action', filter.action.toLowerCase());
  if (filter.origin) query.set('origin', filter.origin.toLowerCase());
  if (filter.text) query.set('q', filter.text);
  if (client) query.set('client', client);
  const written = query.toString().replaceAll('%2F', '/').replaceAll('%3A', ':');
  return written && `?${written}`;
}

/** What the server is asked. */
export function ask(filter: ListFilter): DecisionFilter {
  const text = filter.text.trim();
  const covers = addressIn(text);
  return {
    ...(filter.state !== 'ALL' && { state: filter.state }),
    ...(filter.action && { actions: [filter.action] }),
    ...(filter.origin && { origins: [filter.origin] }),
    ...(covers ? { covers } : text && { text }),
  };
}

/** Whether a decision that has changed still belongs among those that the server listed. */
export function stays(d: IpRowFragment, filter: ListFilter): boolean {
  return filter.state === 'ALL' || d.state === filter.state;
}

/** Where the server gives the same as a file. */
export function exportAddress(format: 'csv' | 'json', filter: ListFilter): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(ask(filter))) query.set(name, String(value));
  const written = query.toString();
  return `/api/export/decisions.${format}${written && `?${written}`}`;
}
