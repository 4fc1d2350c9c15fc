import { type KeyboardEvent, type RefObject, useCallback, useRef, useState } from 'react';

/** Rows are links that carry their ID in data-row. */
const rows = '[data-row]';

/**
 * Lets the arrow keys, Home and End walk through a list of links, and Tab reach one of them. Give `list` and `onKeyDown` to
 * the list, and let only the row that is `reached` have tabIndex 0.
 */
export function useRowKeys<List extends HTMLElement>(
  ids: string[],
  /** What is open, which Tab reaches first. */
  opened: string | undefined,
  /** Space was pressed on a row. */
  onSpace?: (id: string) => void,
): {
  list: RefObject<List | null>;
  reached: string | undefined;
  onKeyDown: (event: KeyboardEvent) => void;
  /** Focuses a row, if it is there; else the list. */
  focus: (id: string | undefined) => void;
} {
  const list = useRef<List>(null);
  const [last, setLast] = useState<string>();
  const reached = [last, opened, ids[0]].find((id) => id !== undefined && ids.includes(id));

  const go = useCallback((link: HTMLElement | undefined) => {
    if (!link) return;
    setLast(link.dataset.row);
    link.focus();
    link.closest('li')?.scrollIntoView?.({ block: 'nearest' });
  }, []);

  const onKeyDown = useCallback(
    (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !list.current) return;
      const links = [...list.current.querySelectorAll<HTMLElement>(rows)];
      const row = (event.target as HTMLElement).closest('li')?.querySelector<HTMLElement>(rows);
      const at = row ? links.indexOf(row) : -1;
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        go(links[to]);
      } else if (event.key === ' ' && event.target === row && onSpace && row?.dataset.row) {
        event.preventDefault();
        onSpace(row.dataset.row);
      }
    },
    [go, onSpace],
  );

  const focus = useCallback(
    (id: string | undefined) => {
      const links = [...(list.current?.querySelectorAll<HTMLElement>(rows) ?? [])];
      const link = links.find((l) => l.dataset.row === id);
      if (link) go(link);
      else list.current?.focus();
    },
    [go],
  );

  return { list, reached, onKeyDown, focus };
}
