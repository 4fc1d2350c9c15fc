import { useEffect, useState } from 'react';

/** Whether the page is scrolled further down than this many pixels. */
export function useScrolled(more: number): boolean {
  const [is, setIs] = useState(false);
  useEffect(() => {
    const look = () => setIs(window.scrollY > more);
    look();
    addEventListener('scroll', look, { passive: true });
    return () => removeEventListener('scroll', look);
  }, [more]);
  return is;
}

/** P pauses and goes on, unless somebody writes. */
export function usePauseKey(toggle: () => void, on: boolean): void {
  useEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      const writes = at.closest?.('input, textarea, select, [contenteditable], [role="dialog"]');
      if (event.key !== 'p' || event.ctrlKey || event.metaKey || event.altKey || writes) return;
      event.preventDefault();
      toggle();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [toggle, on]);
}
