import { readNetwork } from '../../format/network';
import type { ExchangeFilter } from '../../gql/schema';

/** What the list shows; it stands in the address, so that it can be shared. */
export interface ListFilter {
  /** An address or a network. */
  client: string;
  /** Contained in the path. */
  path: string;
  methods: string[];
  /** "429", "4xx", or empty. */
  status: string;
  refused: boolean;
  monitored: boolean;
  /** What the visible part of the key begins with; set by links. */
  key: string;
  /** Exactly whom the requests claim to act for. */
  account: string;
  /** A span that ends now; empty for any time. */
  last: Last | '';
  /** Instants, when no span is chosen. */
  from: string;
  to: string;
}

export const spans = [
  { value: '15m', label: 'Last 15 min', minutes: 15 },
  { value: '1h', label: 'Last hour', minutes: 60 },
  { value: '24h', label: 'Last 24 h', minutes: 1440 },
] as const;
export type Last = (typeof spans)[number]['value'];

/** Of an account's name, in characters. */
export const longestAccount = 128;

/** The methods that APIs use; others can stand in the address. */
export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export const everything: ListFilter = {
  client: '',
  path: '',
  methods: [],
  status: '',
  refused: false,
  monitored: false,
  key: '',
  account: '',
  last: '',
  from: '',
  to: '',
};

/** "429" or "4xx" in its one form; undefined when it is neither. */
export function readStatus(text: string): string | undefined {
  const status = text.trim().toLowerCase();
  return /^[1-5](xx|\d\d)$/.test(status) ? status : undefined;
}

/** The network in its one form, or undefined. */
export function readClient(text: string): string | undefined {
  const read = readNetwork(text);
  return 'network' in read ? read.network.text : undefined;
}

/** Reads the filter from an address; what the server would refuse is left out. */
export function readFilter(query: URLSearchParams): ListFilter {
  const said = (name: string) => (query.get(name) ?? '').trim();
  const last = spans.find((s) => s.value === said('last'))?.value ?? '';
  const from = last ? '' : instant(said('from'));
  const to = last ? '' : instant(said('to'));
  const named = said('method').toUpperCase().split(',').filter(Boolean);
  return {
    client: readClient(said('client')) ?? '',
    path: (query.get('path') ?? '').slice(0, 500),
    methods: [...new Set(named)].filter((m) => m.length <= 32).slice(0, 20),
    status: readStatus(said('status')) ?? '',
    refused: said('refused') === 'true',
    monitored: said('monitored') === 'true',
    key: said('key').slice(0, 100),
    account: said('account').slice(0, longestAccount),
    last,
    from,
    to: from && to && to <= from ? '' : to,
  };
}

/** What readFilter reads, with its question mark; empty when nothing is left out. */
export function writeFilter(filter: ListFilter): string {
  const query = new URLSearchParams();
  for (const name of ['client', 'path', 'status', 'key', 'account', 'last', 'from', 'to'] as const)
    if (filter[name]) query.set(name, filter[name]);
  if (filter.methods.length > 0) query.set('method', filter.methods.join(','));
  for (const name of ['refused', 'monitored'] as const) if (filter[name]) query.set(name, 'true');
  const written = query.toString().replaceAll('%2C', ',').replaceAll('%2F', '/').replaceAll('%3A', ':');
  return written && `?${written}`;
}

/** How many things narrow the list. */
export function narrowed(filter: ListFilter): number {
  const { client, path, status, key, account, last, from, to, refused, monitored } = filter;
  const span = last || from || to;
  return [client, path, status, key, account, span, refused, monitored, filter.methods.length].filter(Boolean)
    .length;
}

/** What the server is asked; a span that ends now begins before `now`. */
export function ask(filter: ListFilter, now: number): ExchangeFilter {
  const { client, path, status, key, account, refused, monitored } = filter;
  const minutes = spans.find((s) => s.value === filter.last)?.minutes;
  const from = minutes ? new Date(now - minutes * 60_000).toISOString() : filter.from;
  return {
    ...(client && { client }),
    ...(path.trim() && { path: path.trim() }),
    ...(filter.methods.length > 0 && { methods: filter.methods }),
    ...(status && (status.endsWith('xx') ? { statusClass: Number(status[0]) } : { status: Number(status) })),
    ...(key && { keyPrefix: key }),
    ...(account && { account }),
    ...(refused && { refused }),
    ...(monitored && { monitored }),
    ...(from && { from }),
    ...(filter.to && { to: filter.to }),
  };
}

/** Where the server gives the same as a file. */
export function exportAddress(format: 'csv' | 'json', filter: ListFilter, now: number): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(ask(filter, now))) query.set(name, String(value));
  const written = query.toString();
  return `/api/export/exchanges.${format}${written && `?${written}`}`;
}

function instant(text: string): string {
  const at = new Date(text).getTime();
  return text && at >= 0 ? new Date(at).toISOString() : '';
}

/** An instant as an input of type datetime-local holds it, in local time. */
export function local(at: string): string {
  if (!at) return '';
  const t = new Date(at);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}T${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}
