import type { Tone } from '../../ui/Badge';

/** What a score asks for: the bands begin at 30, 60 and 90. */
export interface Band {
  from: number;
  name: string;
  tone: Tone;
  means: string;
}

export const bands: Band[] = [
  { from: 0, name: 'Noted', tone: 'info', means: 'Below 30 nobody needs to look.' },
  { from: 30, name: 'Look', tone: 'low', means: 'From 30 on somebody should look at it.' },
  {
    from: 60,
    name: 'Act',
    tone: 'high',
    means:
      'From 60 on those in it should have to prove themselves, and what is usual is not learned meanwhile.',
  },
  {
    from: 90,
    name: 'Block',
    tone: 'critical',
    means: 'From 90 on blocking all of it is worth it. That is your step: nobody is blocked for a score.',
  },
];

/** The band that a score lies in. */
export function bandOf(score: number): Band {
  return bands.findLast((b) => score >= b.from) ?? (bands[0] as Band);
}
