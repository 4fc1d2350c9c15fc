import type { CombinedError, TypedDocumentNode } from '@urql/core';
import { useCallback } from 'react';
import { useQuery as useUrqlQuery } from 'urql';

/** A question and what is known of its answer. Give it to <Answer of={…}>. */
export interface Question<Data> {
  /** The newest answer, kept while a newer one is on its way or has failed. */
  data: Data | undefined;
  error: CombinedError | undefined;
  /** An answer is on its way. */
  waiting: boolean;
  /** Asks the server again, past the cache. */
  refetch: () => void;
}

/** Asks when the page opens and whenever the variables change; shows what the cache knows meanwhile. */
export function useQuery<Data, Variables extends object>(
  query: TypedDocumentNode<Data, Variables>,
  ...[variables, options]: Record<string, never> extends Variables
    ? [variables?: Variables, options?: { pause?: boolean }]
    : [variables: Variables, options?: { pause?: boolean }]
): Question<Data> {
  const [result, again] = useUrqlQuery<Data, object>({
    query,
    variables: variables ?? {},
    pause: options?.pause ?? false,
  });
  const refetch = useCallback(() => again({ requestPolicy: 'network-only' }), [again]);
  return {
    data: result.data ?? undefined, // a refused question is answered with null
    error: result.error,
    waiting: result.fetching || result.stale,
    refetch,
  };
}
