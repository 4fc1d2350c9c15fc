import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { throttle } from '../../api/throttle';
import { useLive } from '../../api/useLive';
import { usePages } from '../../api/usePages';
import type { Question } from '../../api/useQuery';
import type { AlertRowFragment } from '../../gql/AlertRow';
import { AlertsChangedDocument } from '../../gql/AlertsChanged';
import { AlertsDecidedDocument } from '../../gql/AlertsDecided';
import { AlertsPageDocument, type AlertsPageQuery } from '../../gql/AlertsPage';
import { AlertsRaisedDocument } from '../../gql/AlertsRaised';
import { ask, type ListFilter, matches } from './filter';

const pageOf = (data: AlertsPageQuery) => data.alerts;

/** An alert that was announced and that no answer has held yet. */
interface Arrival {
  alert: AlertRowFragment;
  /** It came while the list was held, and waits to be let in. */
  waits: boolean;
}

interface News {
  /** Of which filter; news of another one is forgotten. */
  of: string;
  arrivals: Arrival[];
  /** Raised meanwhile, but not what the filter asks for. */
  outside: number;
}

const mostArrivals = 500;

export interface Alerts {
  question: Question<AlertsPageQuery>;
  rows: AlertRowFragment[];
  /** IDs of rows that have just arrived. */
  fresh: Set<string>;
  /** How many match the filter. */
  total: number | undefined;
  /** New ones that wait until the reader is back at the top. */
  waiting: number;
  /** New ones that the filter leaves out. */
  outside: number;
  /** The rows still belong to the filter before. */
  turning: boolean;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
  refetch: () => void;
}

/**
 * The list of alerts, live. What is raised is painted at once; while `held` (the reader has scrolled
 * away) nothing moves, and what is new waits. What is on screen changes in place either way.
 */
export function useAlerts(filter: ListFilter, held: boolean): Alerts {
  const asked = useMemo(() => ask(filter), [filter]);
  const key = JSON.stringify(asked);
  const { pages, ...question } = usePages(AlertsPageDocument, { filter: asked }, pageOf);
  const { refetch } = question;
  const [kept, setNews] = useState<News>({ of: key, arrivals: [], outside: 0 });
  const news = kept.of === key ? kept : { of: key, arrivals: [], outside: 0 };
  const missed = useRef(false);

  const update = useCallback(
    (change: (was: News) => News) =>
      setNews((was) => change(was.of === key ? was : { of: key, arrivals: [], outside: 0 })),
    [key],
  );

  const nudge = useCallback(() => {
    if (held) missed.current = true;
    else refetch();
  }, [held, refetch]);

  useEffect(() => {
    if (held) return;
    update((was) =>
      was.arrivals.some((a) => a.waits)
        ? { ...was, arrivals: was.arrivals.map((a) => ({ ...a, waits: false })) }
        : was,
    );
    if (!missed.current) return;
    missed.current = false;
    refetch();
  }, [held, refetch, update]);

  // The first is painted at once; what comes thick and fast is taken in a few times a second.
  const raised = useRef<AlertRowFragment[]>([]);
  const takeIn = useMemo(
    () =>
      throttle(() => {
        const taken = raised.current.splice(0);
        update((was) => taken.reduce((news, alert) => received(news, alert, filter, held), was));
      }, 100),
    [update, filter, held],
  );
  useEffect(() => {
    if (raised.current.length > 0) takeIn.call(); // they came while the one before was put away
    return takeIn.cancel;
  }, [takeIn]);

  useLive(AlertsRaisedDocument, nudge, {
    seen: ({ alertRaised }) => {
      raised.current.push(alertRaised);
      takeIn.call();
    },
  });
  useLive(AlertsChangedDocument, nudge, {
    seen: ({ alertChanged }) =>
      update((was) =>
        was.arrivals.some((a) => a.alert.id === alertChanged.id)
          ? {
              ...was,
              arrivals: was.arrivals.map((a) =>
                a.alert.id === alertChanged.id ? { ...a, alert: alertChanged } : a,
              ),
            }
          : was,
      ),
  });
  useLive(AlertsDecidedDocument); // the cache takes it in

  const settled = useRef(key);
  useEffect(() => {
    if (!question.waiting) settled.current = key;
  });

  const view = useMemo(() => {
    const known = new Set(pages.nodes.map((n) => n.id));
    const oldest = pages.hasMore ? (pages.nodes.at(-1)?.firstAt ?? '') : '';
    // What has slid off the pages that are shown comes back with "load older".
    const more = news.arrivals.filter(
      ({ alert }) => !known.has(alert.id) && alert.firstAt >= oldest && matches(alert, filter),
    );
    const shown = more.filter((a) => !a.waits).map((a) => a.alert);
    return {
      rows: [...shown, ...pages.nodes].sort(newestFirst),
      fresh: new Set(news.arrivals.filter((a) => !a.waits).map((a) => a.alert.id)),
      total: pages.total === undefined ? undefined : pages.total + more.length,
      waiting: more.length - shown.length,
    };
  }, [pages.nodes, pages.hasMore, pages.total, news.arrivals, filter]);

  return {
    ...view,
    question,
    outside: news.outside,
    turning: question.waiting && settled.current !== key,
    hasMore: pages.hasMore,
    loadingMore: pages.loadingMore,
    loadMore: pages.loadMore,
    refetch,
  };
}

/** Takes a new alert in: among the arrivals, or counted as outside the filter. */
function received(news: News, alert: AlertRowFragment, filter: ListFilter, held: boolean): News {
  if (!matches(alert, filter)) return { ...news, outside: news.outside + 1 };
  const others = news.arrivals.filter((a) => a.alert.id !== alert.id);
  return { ...news, arrivals: [{ alert, waits: held }, ...others].slice(0, mostArrivals) };
}

/** As the server lists them: by when they were raised. */
function newestFirst(a: AlertRowFragment, b: AlertRowFragment): number {
  if (a.firstAt === b.firstAt) return 0;
  return a.firstAt < b.firstAt ? 1 : -1;
}
