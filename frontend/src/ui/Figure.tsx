import { IconArrowDownRight, IconArrowUpRight, IconEqual } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Change } from '../format/numbers';
import classes from './Figure.module.css';

/** A figure with its change against before. `good` names the direction that is good news, if any. */
export function Figure({
  label,
  value,
  change,
  before,
  good,
  to,
  wide = false,
  children,
}: {
  label: string;
  value: string;
  change?: Change | undefined;
  /** What it was before, as text. */
  before?: string;
  good?: 'up' | 'down';
  to?: string;
  /** Takes more than its share where the row breaks. */
  wide?: boolean;
  /** A small picture beside the value. */
  children?: ReactNode;
}) {
  return (
    <div className={classes.figure} data-wide={wide || undefined}>
      <dt className={classes.label}>{to ? <Link href={to}>{label}</Link> : label}</dt>
      <dd className={classes.value}>{value}</dd>
      {change && (
        <dd className={classes.change} data-mood={moodOf(change, good)}>
          <Arrow direction={change.direction} />
          {change.direction === 'same'
            ? 'as before'
            : change.text === 'new' || !before
              ? change.text
              : `${change.text} from ${before}`}
        </dd>
      )}
      {children && <dd className={classes.more}>{children}</dd>}
    </div>
  );
}

function moodOf(change: Change, good: 'up' | 'down' | undefined): 'good' | 'bad' | 'calm' {
  if (!good || change.direction === 'same') return 'calm';
  return change.direction === good ? 'good' : 'bad';
}

function Arrow({ direction }: { direction: Change['direction'] }) {
  const Icon = { up: IconArrowUpRight, down: IconArrowDownRight, same: IconEqual }[direction];
  return <Icon size={14} stroke={2.2} aria-hidden />;
}

/** A row of figures. */
export function Figures({ children, label }: { children: ReactNode; label: string }) {
  return (
    <dl className={classes.figures} aria-label={label}>
      {children}
    </dl>
  );
}
