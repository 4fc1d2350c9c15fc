import { Button, Checkbox } from '@mantine/core';
import { IconArrowUp } from '@tabler/icons-react';
import { type KeyboardEvent, type RefObject, useCallback, useEffect, useRef } from 'react';
import { count, many } from '../../format/numbers';
import type { AlertRowFragment } from '../../gql/AlertRow';
import { links } from '../../ui/links';
import { AlertItemRow } from './AlertItemRow';
import classes from './AlertList.module.css';
import type { Alerts } from './useAlerts';

/** The alerts in their order, to be walked through, selected and opened. */
export function AlertList({
  alerts,
  kind,
  query,
  opened,
  reached,
  list,
  onKeyDown,
  selected,
  onSelect,
}: {
  alerts: Alerts;
  /** What kind of alerts these are, before the word: "open ", or nothing. */
  kind: string;
  /** The filter as it stands in the address, so that it stays there. */
  query: string;
  opened: string | undefined;
  reached: string | undefined;
  list: RefObject<HTMLUListElement | null>;
  onKeyDown: (event: KeyboardEvent) => void;
  selected: Set<string>;
  /** Absent for who may not act on alerts. */
  onSelect: ((selected: Set<string>) => void) | undefined;
}) {
  const { rows } = alerts;
  const newest = useRef({ rows, selected, last: '' });
  useEffect(() => {
    newest.current = { ...newest.current, rows, selected };
  });

  const select = useCallback(
    (id: string, on: boolean, range: boolean) => {
      const now = newest.current;
      onSelect?.(chosen(now.rows, now.selected, range ? now.last : '', id, on));
      now.last = id;
    },
    [onSelect],
  );

  const open = rows.filter((r) => r.status === 'OPEN');
  const some = open.some((r) => selected.has(r.id));
  const all = some && open.every((r) => selected.has(r.id));

  return (
    <div className={classes.panel} data-turning={alerts.turning || undefined}>
      <div className={classes.bar}>
        {onSelect && open.length > 0 && (
          <Checkbox
            size="xs"
            checked={all}
            indeterminate={some && !all}
            aria-label="Select all shown"
            onChange={(e) => onSelect(new Set(e.currentTarget.checked ? open.map((r) => r.id) : []))}
          />
        )}
        <span className={classes.total} role="status">
          {alerts.total === undefined ? ' ' : many(alerts.total, `${kind}alert`)}
        </span>
        <span className={classes.order}>Newest first</span>
      </div>
      <ul
        ref={list}
        className={classes.list}
        tabIndex={-1}
        aria-label="Alerts, newest first"
        onKeyDown={onKeyDown}
      >
        {rows.map((alert, place) => (
          <AlertItemRow
            key={alert.id}
            alert={alert}
            href={`${links.alert(alert.id)}${query}`}
            opened={alert.id === opened}
            selected={selected.has(alert.id)}
            fresh={place < 20 && alerts.fresh.has(alert.id)} // further down nobody sees it glow
            reached={alert.id === reached}
            onSelect={onSelect && select}
          />
        ))}
      </ul>
      {alerts.hasMore && (
        <div className={classes.foot}>
          <Button size="xs" variant="default" loading={alerts.loadingMore} onClick={alerts.loadMore}>
            Load older
          </Button>
          {alerts.total !== undefined && (
            <span>
              {count(rows.length)} of {count(alerts.total)}
            </span>
          )}
        </div>
      )}
    </div>
  );
}

/** What is selected after a box was ticked or cleared; with a `from`, everything between as well. */
export function chosen(
  rows: AlertRowFragment[],
  selected: Set<string>,
  from: string,
  to: string,
  on: boolean,
): Set<string> {
  const next = new Set(selected);
  const [a, b] = [rows.findIndex((r) => r.id === from), rows.findIndex((r) => r.id === to)];
  const range = a === -1 || b === -1 ? [to] : rows.slice(Math.min(a, b), Math.max(a, b) + 1);
  for (const each of range) {
    const id = typeof each === 'string' ? each : each.id;
    if (typeof each !== 'string' && each.status !== 'OPEN') continue;
    if (on) next.add(id);
    else next.delete(id);
  }
  return next;
}

/** News that waits above the reader. */
export function NewPill({ waiting, onShow }: { waiting: number; onShow: () => void }) {
  return (
    <div className={classes.pillPlace} role="status">
      {waiting > 0 && (
        <button type="button" className={classes.pill} onClick={onShow}>
          <IconArrowUp size={15} stroke={2.2} aria-hidden />
          {count(waiting)} new
        </button>
      )}
    </div>
  );
}
