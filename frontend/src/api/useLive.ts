import type { TypedDocumentNode } from '@urql/core';
import { useEffect, useRef } from 'react';
import { useClient } from 'urql';
import { connection } from './connection';
import { throttle } from './throttle';

interface Options<Data, Variables> {
  variables?: Variables;
  /** True: do not listen for now. */
  pause?: boolean;
  /** At most one nudge in this many milliseconds. */
  every?: number;
  /** Runs instead of `nudge` when the socket is back after a gap. */
  returned?: () => void;
  /** Nudges only for news that this says yes to, as news of the very thing that is open. */
  only?: (news: Data) => boolean;
  /** Sees each piece of news itself, at once and unthrottled: for what must be painted right away. */
  seen?: (news: Data) => void;
}

/**
 * Listens while the page is open. News nudges and the query tells the truth, so `nudge` is usually a
 * query's `refetch`; it also runs when the socket is back after a gap, because news was missed.
 */
export function useLive<Data, Variables extends object>(
  subscription: TypedDocumentNode<Data, Variables>,
  nudge?: () => void,
  { variables, pause = false, every = 1_000, returned, only, seen }: Options<Data, Variables> = {},
): void {
  const client = useClient();
  const newest = useRef({ nudge, returned, only, seen });
  useEffect(() => {
    newest.current = { nudge, returned, only, seen };
  });
  const asked = JSON.stringify(variables ?? {});
  useEffect(() => {
    if (pause) return;
    // What is seen is painted before the question competes with it.
    const lead = newest.current.seen ? 200 : 0;
    const nudged = throttle(() => newest.current.nudge?.(), every, lead);
    const { unsubscribe } = client
      .subscription(subscription, JSON.parse(asked) as Variables)
      .subscribe(({ data }) => {
        if (!data) return;
        newest.current.seen?.(data);
        if (newest.current.only?.(data) ?? true) nudged.call();
      });
    const forget = connection.onReturn(() => {
      if (newest.current.returned) newest.current.returned();
      else {
        nudged.cancel(); // however short ago the last nudge was
        nudged.call();
      }
    });
    return () => {
      unsubscribe();
      forget();
      nudged.cancel();
    };
  }, [client, subscription, asked, pause, every]);
}
