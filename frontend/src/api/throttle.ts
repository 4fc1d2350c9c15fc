/**
 * After `lead` for the first call, then at most once in `every` milliseconds, and never without a last
 * run after the last call.
 */
export function throttle(run: () => void, every: number, lead = 0): { call: () => void; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = false;
  const go = () => {
    waiting = false;
    timer = setTimeout(() => {
      timer = undefined;
      if (waiting) go();
    }, every);
    run();
  };
  return {
    call: () => {
      waiting = true;
      if (timer) return;
      if (lead === 0) go();
      else timer = setTimeout(go, lead);
    },
    cancel: () => {
      clearTimeout(timer);
      timer = undefined;
      waiting = false;
    },
  };
}
