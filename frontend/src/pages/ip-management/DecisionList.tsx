import { Button, Checkbox } from '@mantine/core';
import { IconLockOpen, IconX } from '@tabler/icons-react';
import { type KeyboardEvent, type RefObject, useMemo } from 'react';
import type { Pages } from '../../api/usePages';
import { count, many } from '../../format/numbers';
import type { IpRowFragment } from '../../gql/IpRow';
import { links } from '../../ui/links';
import { DecisionLine } from './DecisionLine';
import classes from './DecisionList.module.css';

/** The decisions in their order, to be walked through, opened, selected and lifted. */
export function DecisionList({
  rows,
  pages,
  query,
  opened,
  reached,
  list,
  onKeyDown,
  selected,
  onSelect,
  onToggle,
  onLift,
  fresh,
}: {
  rows: IpRowFragment[];
  pages: Pages<IpRowFragment>;
  /** The filter as it stands in the address, so that it stays there. */
  query: string;
  opened: string | undefined;
  reached: string | undefined;
  list: RefObject<HTMLUListElement | null>;
  onKeyDown: (event: KeyboardEvent) => void;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  onToggle: (id: string) => void;
  /** Absent for who may not change anything. */
  onLift: ((decisions: IpRowFragment[]) => void) | undefined;
  /** What has changed since the page was opened. */
  fresh: ReadonlyMap<string, unknown>;
}) {
  const open = useMemo(() => rows.filter((r) => r.state === 'IN_FORCE'), [rows]);
  const chosen = open.filter((r) => selected.has(r.id));
  return (
    <div className={classes.panel}>
      <div className={classes.bar} data-chosen={chosen.length > 0 || undefined}>
        {onLift && open.length > 0 && (
          <Checkbox
            size="xs"
            checked={chosen.length === open.length}
            indeterminate={chosen.length > 0 && chosen.length < open.length}
            aria-label="Select all shown"
            onChange={(e) => onSelect(new Set(e.currentTarget.checked ? open.map((r) => r.id) : []))}
          />
        )}
        <span className={classes.total} role="status">
          {chosen.length > 0
            ? `${count(chosen.length)} selected`
            : pages.total === undefined
              ? ' '
              : many(pages.total, 'decision')}
        </span>
        {chosen.length > 0 && onLift ? (
          <span className={classes.doing}>
            <Button
              size="compact-sm"
              leftSection={<IconLockOpen size={14} aria-hidden />}
              onClick={() => onLift(chosen)}
            >
              Lift {count(chosen.length)}…
            </Button>
            <Button
              size="compact-sm"
              variant="subtle"
              leftSection={<IconX size={14} aria-hidden />}
              onClick={() => onSelect(new Set())}
            >
              Clear
            </Button>
          </span>
        ) : (
          <span className={classes.order}>Newest first</span>
        )}
      </div>
      <div className={classes.heads} aria-hidden>
        <span />
        <span>Action</span>
        <span>
          Whom<span className={classes.and}> and why</span>
        </span>
        <span className={classes.why}>Why</span>
        <span>Who says so</span>
        <span>Made</span>
        <span>Until</span>
        <span />
      </div>
      {/* list-style: none takes the role away in some browsers */}
      {/* biome-ignore-start lint/a11y/noRedundantRoles: see above */}
      <ul
        ref={list}
        role="list"
        className={classes.list}
        tabIndex={-1}
        aria-label="Decisions, newest first"
        onKeyDown={onKeyDown}
      >
        {rows.map((d) => (
          <DecisionLine
            key={d.id}
            decision={d}
            href={`${links.decision(d.id)}${query}`}
            opened={d.id === opened}
            reached={d.id === reached}
            selected={selected.has(d.id)}
            fresh={fresh.has(d.id)}
            onToggle={onLift && onToggle}
            onLift={onLift}
          />
        ))}
      </ul>
      {/* biome-ignore-end lint/a11y/noRedundantRoles: see above */}
      {pages.hasMore && (
        <div className={classes.more}>
          <Button size="xs" variant="default" loading={pages.loadingMore} onClick={pages.loadMore}>
            Older
          </Button>
          {pages.total !== undefined && (
            <span>
              {count(rows.length)} of {count(pages.total)}
            </span>
          )}
        </div>
      )}
    </div>
  );
}
