import { ago, clock, exact, left } from '../format/time';
import { useText } from './clockTick';

/** A time as "5 min ago"; the exact local time on hover and for screen readers that ask. */
export function Time({ at }: { at: string }) {
  const text = useText((now) => ago(at, now));
  return (
    <time dateTime={at} title={exact(at)}>
      {text}
    </time>
  );
}

/** A time as 14:03:09; the exact one on hover. */
export function Clock({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exact(at)}>
      {clock(at)}
    </time>
  );
}

/** What is left of a decision: "4 min 10 s left", "until lifted", "over". */
export function Left({ until }: { until: string | null | undefined }) {
  const text = useText((now) => (until ? left(until, now) : 'until lifted'));
  if (!until) return <span>{text}</span>;
  return (
    <time dateTime={until} title={exact(until)}>
      {text === 'over' ? text : `${text} left`}
    </time>
  );
}
