import type { ReactNode } from 'react';
import classes from './PageHeader.module.css';

/** The top of every page: its name, one line about it, and what can be done with all of it. */
export function PageHeader({
  title,
  children,
  actions,
}: {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <header className={classes.header}>
      <div>
        <h1 className={classes.title}>{title}</h1>
        {children && <p className={classes.about}>{children}</p>}
      </div>
      {actions && <div className={classes.actions}>{actions}</div>}
    </header>
  );
}
