import { useEffect, useRef } from 'react';

/** Runs every so many milliseconds while somebody can see the page. Zero: not at all. */
export function useEvery(milliseconds: number, run: () => void): void {
  const newest = useRef(run);
  useEffect(() => {
    newest.current = run;
  });
  useEffect(() => {
    if (milliseconds === 0) return;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') newest.current();
    }, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}
