import type { ComponentType, ReactNode } from 'react';
import classes from './badges.module.css';

export type Tone = 'critical' | 'high' | 'medium' | 'low' | 'info' | 'good' | 'warn' | 'bad';

interface IconProps {
  size?: number | string;
  stroke?: number | string;
  'aria-hidden'?: boolean;
}

/** A word with an icon, so that colour is never the only thing that tells. */
export function Badge({
  tone,
  icon: Icon,
  children,
}: {
  tone: Tone;
  icon?: ComponentType<IconProps>;
  children: ReactNode;
}) {
  return (
    <span className={`${classes.badge} ${classes[tone]}`}>
      {Icon && <Icon size={13} stroke={2.2} aria-hidden />}
      {children}
    </span>
  );
}
