import { percent } from '../../format/numbers';
import type { EndpointRowFragment } from '../../gql/EndpointRow';
import type { ServedFilter } from '../../gql/schema';

/** Which endpoints are asked for. */
export type Kind = 'all' | 'shadow' | 'unused' | 'late' | 'deprecated' | 'open';

export const kinds: Record<Kind, { label: string; filter: ServedFilter; file?: true }> = {
  all: { label: 'All endpoints', filter: {} },
  shadow: { label: 'Shadow: not in the OpenAPI file', filter: { listings: ['SHADOW'] }, file: true },
  unused: { label: 'Unused: in the file, never seen', filter: { listings: ['UNUSED'] }, file: true },
  deprecated: { label: 'Deprecated in the file', filter: { deprecated: true }, file: true },
  late: { label: 'New: seen after the first day', filter: { late: true } },
  open: { label: 'Always without a key or session', filter: { authenticated: false } },
};

export type Order = 'route' | 'requests' | 'failing' | 'first' | 'last';

export const orders: Record<Order, string> = {
  route: 'By route',
  requests: 'Most requests',
  failing: 'Fails most',
  first: 'Newest first',
  last: 'Last seen first',
};

/** The share of answers of 200 to 399; undefined before there was one. */
export function answered(e: EndpointRowFragment): number | undefined {
  const all = e.statuses.reduce((sum, s) => sum + s.count, 0);
  if (all === 0) return undefined;
  return e.statuses.reduce((sum, s) => sum + (s.class === 2 || s.class === 3 ? s.count : 0), 0) / all;
}

/** Each class of answers with its share: "2xx 98%, 4xx 2%". */
export function mixWords(e: EndpointRowFragment): string {
  const all = e.statuses.reduce((sum, s) => sum + s.count, 0);
  return e.statuses.map((s) => `${s.class}xx ${percent(s.count / all)}`).join(', ');
}

const byRoute = (a: EndpointRowFragment, b: EndpointRowFragment) =>
  a.route.localeCompare(b.route) || a.method.localeCompare(b.method);
const time = (at: string | null) => (at ? new Date(at).getTime() : 0);

const less: Record<Order, (a: EndpointRowFragment, b: EndpointRowFragment) => number> = {
  route: () => 0,
  requests: (a, b) => b.requests - a.requests,
  failing: (a, b) => (answered(a) ?? 2) - (answered(b) ?? 2),
  first: (a, b) => time(b.firstAt) - time(a.firstAt),
  last: (a, b) => time(b.lastAt) - time(a.lastAt),
};

/** Sorted anew; what is alike stands by its route. */
export function sorted(endpoints: EndpointRowFragment[], order: Order): EndpointRowFragment[] {
  return [...endpoints].sort((a, b) => less[order](a, b) || byRoute(a, b));
}
