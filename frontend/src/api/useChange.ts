import type { CombinedError, TypedDocumentNode } from '@urql/core';
import { useCallback, useState } from 'react';
import { useClient } from 'urql';
import { toast } from '../ui/toasts';
import { explain } from './explain';

type Outcome<Data> = { data: Data; error?: undefined } | { data?: undefined; error: CombinedError };

/**
 * A change an operator asks for. `run` answers with data or an error, never throws; it says what went
 * wrong in a toast unless `quietly` is set (a form that shows the problem beside its field).
 */
export function useChange<Data, Variables extends object>(
  mutation: TypedDocumentNode<Data, Variables>,
  { quietly = false }: { quietly?: boolean } = {},
): { run: (variables: Variables) => Promise<Outcome<Data>>; busy: boolean } {
  const client = useClient();
  const [busy, setBusy] = useState(false);
  const run = useCallback(
    async (variables: Variables): Promise<Outcome<Data>> => {
      setBusy(true);
      const { data, error } = await client.mutation(mutation, variables).toPromise();
      setBusy(false);
      if (data && !error) return { data };
      const problem = error as CombinedError;
      if (!quietly) toast.failed(explain(problem));
      return { error: problem };
    },
    [client, mutation, quietly],
  );
  return { run, busy };
}
