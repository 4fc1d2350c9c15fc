import { IconX } from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef } from 'react';
import classes from './Opened.module.css';

/** What is opened beside a list (Split): its name stays in sight, and takes the focus when it opens. */
export function Opened({
  title,
  badges,
  children,
  onClose,
}: {
  title: string;
  badges?: ReactNode;
  children: ReactNode;
  onClose: () => void;
}) {
  const name = useRef<HTMLHeadingElement>(null);
  useEffect(() => name.current?.focus({ preventScroll: true }), []);
  return (
    <article className={classes.opened}>
      <header className={classes.head}>
        <div className={classes.words}>
          {badges && <div className={classes.badges}>{badges}</div>}
          <h2 ref={name} className={classes.title} tabIndex={-1} data-autofocus>
            {title}
          </h2>
        </div>
        <button
          type="button"
          className={classes.close}
          aria-label="Close"
          title="Close (Esc)"
          onClick={onClose}
        >
          <IconX size={18} aria-hidden />
        </button>
      </header>
      <div className={classes.body}>{children}</div>
    </article>
  );
}

/** A part of what is opened. */
export function Part({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.part} aria-label={title}>
      <div className={classes.partHead}>
        <h3>{title}</h3>
        {aside && <span className={classes.aside}>{aside}</span>}
      </div>
      {children}
    </section>
  );
}

/** Names and values. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={classes.facts}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
