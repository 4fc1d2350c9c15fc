/**
 * At once for the first call, then at most once in `every` milliseconds, and never without a last call
 * after the last piece of news.
 */
export function throttle(run: () => void, every: number): { call: () => void; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = false;
  const rest = () => {
    timer = setTimeout(() => {
      timer = undefined;
      if (!waiting) return;
      waiting = false;
      run();
      rest();
    }, every);
  };
  return {
    call: () => {
      if (timer) {
        waiting = true;
        return;
      }
      run();
      rest();
    },
    cancel: () => {
      clearTimeout(timer);
      timer = undefined;
      waiting = false;
    },
  };
}
