import { type ReactNode, useId } from 'react';
import classes from './Panel.module.css';

/** A titled box of a page. `aside` stands at the right of its title. */
export function Panel({
  title,
  aside,
  children,
  flush = false,
  className = '',
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  /** Content reaches the edges: for tables and lists with lines of their own. */
  flush?: boolean;
  className?: string;
}) {
  const id = useId();
  return (
    <section className={`${classes.panel} ${className}`} aria-labelledby={id}>
      <header className={classes.head}>
        <h2 id={id} className={classes.title}>
          {title}
        </h2>
        {aside && <div className={classes.aside}>{aside}</div>}
      </header>
      <div className={flush ? classes.flush : classes.body}>{children}</div>
    </section>
  );
}
