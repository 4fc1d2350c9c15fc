import { useSyncExternalStore } from 'react';

// One timer for every relative time on the page, and none when there is none.
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(tell: () => void): () => void {
  watchers.add(tell);
  timer ??= setInterval(() => {
    for (const each of watchers) each();
  }, 1_000);
  return () => {
    watchers.delete(tell);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** What `say` makes of the present time; redraws only when that text changes. */
export function useText(say: (now: number) => string): string {
  return useSyncExternalStore(watch, () => say(Date.now()));
}
