import { type ReactNode, useId } from 'react';
import classes from './Panel.module.css';

/** A titled box of a page. `aside` stands at the right of its title. */
export function Panel({
  title,
  aside,
  children,
  flush = false,
  scrolls = false,
  className = '',
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  /** Content reaches the edges: for tables and lists with lines of their own. */
  flush?: boolean;
  /** Content scrolls inside, for lists in a box of fixed height. */
  scrolls?: boolean;
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
      <div className={flush ? classes.flush : classes.body} data-scrolls={scrolls || undefined}>
        {children}
      </div>
    </section>
  );
}
