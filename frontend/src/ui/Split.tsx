import { Drawer } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type ReactNode, type RefObject, useEffect, useRef } from 'react';
import classes from './Split.module.css';

/**
 * A list, and beside it what is opened of it: a pane where there is room, else a drawer over the list,
 * and the whole screen on a phone. Opening moves the focus into it, and Escape closes it unless something inside
 * has taken the key for itself. The one who closes it gives the focus back to the row.
 */
export function Split({
  children,
  opened,
  label,
  onClose,
}: {
  children: ReactNode;
  /** What is opened; nothing when undefined. Give it a key, so that the next one is a new one. */
  opened: ReactNode | undefined;
  /** What kind of thing opens here, as screen readers say it. */
  label: string;
  onClose: () => void;
}) {
  const wide = useMediaQuery('(min-width: 1200px)', undefined, { getInitialValueInEffect: false });
  const root = useRef<HTMLDivElement>(null);
  const pane = useRef<HTMLElement>(null);
  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  });

  const isOpen = opened !== undefined;
  useEffect(() => {
    if (!isOpen) return;
    const leave = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing) return;
      const at = event.target as HTMLElement;
      const ours = at === document.body || root.current?.contains(at) || pane.current?.contains(at);
      if (ours || at.closest('[data-split]')) close.current();
    };
    addEventListener('keydown', leave);
    return () => removeEventListener('keydown', leave);
  }, [isOpen]);

  useHeight(pane, wide && isOpen);

  return (
    <div ref={root} className={classes.split} data-opened={(wide && isOpen) || undefined}>
      <div className={classes.list}>{children}</div>
      {wide && isOpen && (
        <section ref={pane} className={classes.pane} aria-label={label}>
          {opened}
        </section>
      )}
      {!wide && (
        <Drawer.Root
          opened={isOpen}
          onClose={onClose}
          position="right"
          size="min(680px, 100%)"
          closeOnEscape={false}
          returnFocus={false}
          padding={0}
        >
          <Drawer.Overlay />
          <Drawer.Content aria-label={label} classNames={{ content: classes.drawer ?? '' }} data-split>
            {opened}
          </Drawer.Content>
        </Drawer.Root>
      )}
    </div>
  );
}

/** Keeps the pane within the window while the page moves under it. */
function useHeight(pane: RefObject<HTMLElement | null>, shown: boolean): void {
  useEffect(() => {
    const element = pane.current;
    if (!shown || !element) return;
    const reach = () => {
      const height = window.innerHeight - Math.max(0, element.getBoundingClientRect().top) - 16;
      element.style.setProperty('--height', `${Math.max(320, height)}px`);
    };
    reach();
    const page = new ResizeObserver(reach); // what stands above the pane comes and goes
    page.observe(document.body);
    addEventListener('scroll', reach, { passive: true });
    addEventListener('resize', reach);
    return () => {
      page.disconnect();
      removeEventListener('scroll', reach);
      removeEventListener('resize', reach);
    };
  }, [pane, shown]);
}
