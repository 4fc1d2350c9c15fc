import { type ReactNode, useEffect } from 'react';
import { Logo } from '../../ui/Logo';
import { Toasts } from '../../ui/Toasts';
import classes from './Frame.module.css';

/** What stands in front of the console: one card, the same for all who are not in. */
export function Frame({ title, children, foot }: { title: string; children: ReactNode; foot?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Sentinel`;
  }, [title]);
  return (
    <main className={classes.door}>
      <div className={classes.column}>
        <header className={classes.brand}>
          <Logo size={34} />
          <span className={classes.name}>Sentinel</span>
          <span className={classes.host}>{location.host}</span>
        </header>
        <section className={classes.card} aria-labelledby="door-title">
          <h1 id="door-title" className={classes.title}>
            {title}
          </h1>
          {children}
        </section>
        {foot && <div className={classes.foot}>{foot}</div>}
      </div>
      <Toasts />
    </main>
  );
}
