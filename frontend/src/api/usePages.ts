import type { CombinedError, TypedDocumentNode } from '@urql/core';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useClient } from 'urql';
import { type Question, useQuery } from './useQuery';

interface Connection<Node> {
  edges: { node: Node }[];
  pageInfo: { endCursor: string | null; hasNextPage: boolean };
  totalCount?: number;
}

/** A list, newest first, of which the first page stays fresh and further ones are fetched on request. */
export interface Pages<Node> {
  nodes: Node[];
  /** How many there are in all, where the server counts them. */
  total: number | undefined;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
}

/**
 * Joins a fresh first page with what was fetched before: known nodes follow where the fresh page ends.
 * When the two no longer touch, more has arrived than a page holds, and the known ones are let go.
 */
export function join<Node extends { id: string }>(fresh: Node[], known: Node[]): Node[] | undefined {
  const ids = new Set(fresh.map((n) => n.id));
  let last = -1;
  for (const [i, node] of known.entries()) if (ids.has(node.id)) last = i;
  if (last === -1) return undefined;
  return [...fresh, ...known.slice(last + 1).filter((n) => !ids.has(n.id))];
}

/** Asks for a connection page by page; `variables` must not name `after`. */
export function usePages<
  Data,
  Variables extends { after?: string | null | undefined },
  Node extends { id: string },
>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Omit<Variables, 'after'>,
  of: (data: Data) => Connection<Node>,
): Question<Data> & { pages: Pages<Node> } {
  const client = useClient();
  const asked = JSON.stringify(variables);
  const question = useQuery(query, variables as unknown as Variables);
  const [older, setOlder] = useState<{ asked: string; nodes: Node[]; end: string | null; more: boolean }>();
  const [loadingMore, setLoadingMore] = useState(false);
  const [error, setError] = useState<CombinedError>();

  const first = question.data ? of(question.data) : undefined;
  const page = useMemo(() => {
    const fresh = first?.edges.map((e) => e.node) ?? [];
    const joined = older?.asked === asked ? join(fresh, older.nodes) : undefined;
    if (joined && older) return { nodes: joined, end: older.end, more: older.more };
    return {
      nodes: fresh,
      end: first?.pageInfo.endCursor ?? null,
      more: first?.pageInfo.hasNextPage ?? false,
    };
  }, [first, older, asked]);

  // What slides off the fresh page must stay known, so the joined list is remembered once there is one.
  useEffect(() => {
    setOlder((was) => (was?.asked === asked && page.nodes !== was.nodes ? { ...was, ...page } : was));
  }, [page, asked]);

  const loadMore = useCallback(async () => {
    setLoadingMore(true);
    const after = { ...JSON.parse(asked), after: page.end } as Variables;
    const answer = await client.query(query, after, { requestPolicy: 'network-only' }).toPromise();
    setLoadingMore(false);
    setError(answer.error);
    if (!answer.data) return;
    const next = of(answer.data);
    setOlder({
      asked,
      nodes: [...page.nodes, ...next.edges.map((e) => e.node)],
      end: next.pageInfo.endCursor,
      more: next.pageInfo.hasNextPage,
    });
  }, [client, query, asked, page, of]);

  return {
    ...question,
    error: question.error ?? error,
    pages: {
      nodes: page.nodes,
      total: first?.totalCount,
      hasMore: page.more,
      loadingMore,
      loadMore: () => void loadMore(),
    },
  };
}
