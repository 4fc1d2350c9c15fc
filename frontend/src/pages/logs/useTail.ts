import type { CombinedError } from '@urql/core';
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react';
import { useClient } from 'urql';
import { useLive } from '../../api/useLive';
import type { Question } from '../../api/useQuery';
import { LogsPageDocument } from '../../gql/LogsPage';
import { LogsSeenDocument } from '../../gql/LogsSeen';
import type { ExchangeFilter } from '../../gql/schema';
import { ask, type ListFilter } from './filter';
import { arrive, begin, catchUp, older, type Page, release, rowsIn, type Seen, type Tail } from './tail';

export const pageSize = 100;
const furthest = 8; // answers without a row, before somebody must want to search on

export interface LiveTail {
  question: Question<Tail>;
  /** The filter has changed, and what is shown is still the answer to the one before. */
  turning: boolean;
  /** Older rows are on their way. */
  loadingMore: boolean;
  loadMore: () => void;
  /** News can come: the span has no end. */
  live: boolean;
}

interface State {
  asked: string;
  tail: Tail | undefined;
  error: CombinedError | undefined;
  waiting: boolean;
  /** Came before the first page did. */
  early: Seen[];
}

type Step =
  | { did: 'ask'; asked: string }
  | { did: 'answer'; asked: string; page?: Page; error?: CombinedError; held: boolean; again: boolean }
  | { did: 'older'; asked: string; page?: Page; error?: CombinedError }
  | { did: 'see'; asked: string; seen: Seen; held: boolean }
  | { did: 'release' };

function step(state: State, s: Step): State {
  switch (s.did) {
    case 'ask':
      return { ...state, asked: s.asked, waiting: true, early: [], error: undefined };
    case 'release':
      return state.tail ? { ...state, tail: release(state.tail) } : state;
    case 'see':
      if (s.asked !== state.asked) return state;
      if (state.waiting || !state.tail) return { ...state, early: [...state.early, s.seen].slice(-8) };
      return { ...state, tail: arrive(state.tail, s.seen, s.held) };
    case 'older':
      if (s.asked !== state.asked) return state;
      return {
        ...state,
        error: s.error,
        tail: s.page && state.tail ? older(state.tail, s.page) : state.tail,
      };
    case 'answer': {
      if (s.asked !== state.asked) return state;
      if (!s.page) return { ...state, waiting: false, error: s.error };
      const known = s.again ? state.tail : undefined;
      let tail = known ? catchUp(known, s.page, s.held) : begin(s.page);
      for (const seen of state.early) tail = arrive(tail, seen, s.held);
      return { ...state, waiting: false, error: undefined, early: [], tail };
    }
  }
}

/** What passes the gateway and matches the filter, as it passes, and what passed before. */
export function useTail(filter: ListFilter, held: boolean): LiveTail & { resume: () => void } {
  const client = useClient();
  const [state, dispatch] = useReducer(step, {
    asked: '',
    tail: undefined,
    error: undefined,
    waiting: true,
    early: [],
  });
  const [loadingMore, setLoadingMore] = useState(false);
  const [round, setRound] = useState(0);
  // A span that ends now begins when the list does.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each round begins anew
  const wanted = useMemo(() => ask(filter, Date.now()), [filter, round]);
  const asked = `${round} ${JSON.stringify(wanted)}`;
  const isHeld = useRef(held);
  useEffect(() => {
    isHeld.current = held;
  });

  const fetch = useCallback(
    async (of: ExchangeFilter, after: string | null, gone: () => boolean) => {
      const rows: Page['rows'] = [];
      let cursor = after;
      // A filter that matches little is searched for in steps, some of which find nothing.
      for (let n = 0; n < furthest; n++) {
        const { data, error } = await client
          .query(
            LogsPageDocument,
            { filter: of, first: pageSize, after: cursor },
            { requestPolicy: 'network-only' },
          )
          .toPromise();
        if (gone()) return undefined;
        if (!data || error) return rows.length > 0 ? { rows, more: true, end: cursor } : { error };
        const { edges, pageInfo } = data.exchanges;
        rows.push(...edges.map((e) => e.node));
        cursor = pageInfo.endCursor;
        if (!pageInfo.hasNextPage) return { rows, more: false, end: null };
        if (rows.length > 0) break;
      }
      return { rows, more: true, end: cursor };
    },
    [client],
  );

  const newest = useRef('');
  const load = useCallback(
    async (again: boolean) => {
      const said = await fetch(wanted, null, () => newest.current !== asked);
      if (said) dispatch({ did: 'answer', asked, held: isHeld.current, again, ...told(said) });
    },
    [fetch, wanted, asked],
  );
  useEffect(() => {
    newest.current = asked;
    dispatch({ did: 'ask', asked });
    void load(false);
    return () => {
      newest.current = '';
    };
  }, [asked, load]);

  const live = !wanted.to;
  useLive(LogsSeenDocument, undefined, {
    variables: { filter: wanted },
    pause: !live,
    seen: ({ exchangesSeen }) => dispatch({ did: 'see', asked, seen: exchangesSeen, held: isHeld.current }),
    returned: () => void load(true),
  });

  useEffect(() => {
    if (!held) dispatch({ did: 'release' });
  }, [held]);

  const { tail } = state;
  const loadMore = async () => {
    if (!tail || loadingMore) return;
    setLoadingMore(true);
    const last = rowsIn(tail.lines).at(-1);
    // Rows that came live have no cursor: those before them are older than the end of their millisecond.
    const upTo = tail.after || !last ? {} : { to: new Date(Date.parse(last.at) + 1).toISOString() };
    const said = await fetch({ ...wanted, ...upTo }, tail.after, () => newest.current !== asked);
    setLoadingMore(false);
    if (said) dispatch({ did: 'older', asked, ...told(said) });
  };

  const again = useCallback(() => setRound((n) => n + 1), []);
  return {
    question: { data: tail, error: state.error, waiting: state.waiting, refetch: again },
    turning: state.waiting && tail !== undefined,
    loadingMore,
    loadMore: () => void loadMore(),
    live,
    resume: again,
  };
}

function told(said: Page | { error: CombinedError | undefined }) {
  if ('rows' in said) return { page: said };
  return said.error ? { error: said.error } : {};
}
