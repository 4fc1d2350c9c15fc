import { span } from './durations';

const clockFormat = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const minuteFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const fullFormat = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});

/** 14:03:09, local. */
export function clock(at: string | number): string {
  return clockFormat.format(new Date(at));
}

/** 14:03, local. */
export function minute(at: string | number): string {
  return minuteFormat.format(new Date(at));
}

/** 22 Nov 2026, 14:03:09 CET: exact, for titles and details. */
export function exact(at: string | number): string {
  return fullFormat.format(new Date(at));
}

/** "now", "12 s ago", "5 min ago", "in 4 min"; seconds count in the first minute only. */
export function ago(at: string | number, now: number): string {
  const seconds = Math.round((now - new Date(at).getTime()) / 1000);
  if (Math.abs(seconds) < 2) return 'now';
  const text = coarse(Math.abs(seconds));
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** What is left until a time: "4 min 10 s", "over" when it has passed. */
export function left(until: string | number, now: number): string {
  const seconds = Math.round((new Date(until).getTime() - now) / 1000);
  return seconds <= 0 ? 'over' : span(seconds);
}

function coarse(seconds: number): string {
  if (seconds < 60) return span(seconds);
  if (seconds < 3_600) return span(Math.floor(seconds / 60) * 60);
  if (seconds < 86_400) return span(Math.floor(seconds / 3_600) * 3_600);
  return span(Math.floor(seconds / 86_400) * 86_400);
}
