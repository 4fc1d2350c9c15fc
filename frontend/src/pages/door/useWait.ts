import { useState } from 'react';
import { span } from '../../format/durations';
import { useText } from '../../ui/clockTick';

/** Counts down until another try is worth it; empty when it is. */
export function useWait(): { left: string; begin: (seconds: number) => void } {
  const [until, setUntil] = useState(0);
  const left = useText((now) => (until > now ? span(Math.ceil((until - now) / 1000)) : ''));
  return { left, begin: (seconds) => setUntil(Date.now() + seconds * 1000) };
}
