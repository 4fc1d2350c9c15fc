import { useLive } from '../api/useLive';
import { useQuery } from '../api/useQuery';
import { HealthChangedDocument } from '../gql/HealthChanged';
import { ShellHealthDocument, type ShellHealthQuery } from '../gql/ShellHealth';

export type Health = ShellHealthQuery['health'];

/** How the server is; undefined until it has answered once. Keeps the socket open on every page. */
export function useHealth(): Health | undefined {
  const query = useQuery(ShellHealthDocument);
  useLive(HealthChangedDocument, query.refetch);
  return query.data?.health;
}
