import { Button } from '@mantine/core';
import type { KeyboardEvent, ReactNode, RefObject } from 'react';
import { count } from '../../format/numbers';
import type { ListFilter } from './filter';
import { LogsLine } from './LogsLine';
import classes from './LogsList.module.css';
import { type Gap, isGap, type Line } from './tail';

/** Requests in their order, newest first, to be walked through and opened. */
export function LogsList({
  lines,
  filter,
  query,
  opened,
  reached,
  list,
  onKeyDown,
  turning,
  bar,
  more,
  nothing,
}: {
  lines: Line[];
  filter: ListFilter;
  /** The filter as it stands in the address, so that it stays there. */
  query: string;
  opened: string | undefined;
  reached: string | undefined;
  list: RefObject<HTMLUListElement | null>;
  onKeyDown: (event: KeyboardEvent) => void;
  turning: boolean;
  bar: ReactNode;
  more: false | { busy: boolean; none: boolean; load: () => void };
  nothing: ReactNode;
}) {
  return (
    <div className={classes.panel} data-turning={turning || undefined}>
      {bar}
      {lines.length === 0 ? (
        nothing
      ) : (
        <>
          <div className={classes.heads} aria-hidden>
            <span>Time</span>
            <span>Method</span>
            <span>Path</span>
            <span>Answer</span>
            <span>Client</span>
            <span>Key</span>
            <span>Account</span>
            <span>Took</span>
          </div>
          {/* list-style: none takes the role away in some browsers */}
          {/* biome-ignore-start lint/a11y/noRedundantRoles: see above */}
          <ul
            ref={list}
            role="list"
            className={classes.list}
            tabIndex={-1}
            aria-label="Requests, newest first"
            onKeyDown={onKeyDown}
          >
            {lines.map((line) =>
              isGap(line) ? (
                <LeftOut key={line.gap} gap={line} />
              ) : (
                <LogsLine
                  key={line.id}
                  row={line}
                  filter={filter}
                  query={query}
                  opened={line.id === opened}
                  reached={line.id === reached}
                />
              ),
            )}
          </ul>
          {/* biome-ignore-end lint/a11y/noRedundantRoles: see above */}
        </>
      )}
      {more && (
        <div className={classes.more}>
          <Button size="xs" variant="default" loading={more.busy} onClick={more.load}>
            {more.none ? 'Search further back' : 'Older'}
          </Button>
        </div>
      )}
    </div>
  );
}

function LeftOut({ gap }: { gap: Gap }) {
  return (
    <li className={classes.gap}>
      <span title="More matched than the eye can follow. Narrow the filter to see each.">
        {gap.missed === undefined ? 'some skipped' : `+${count(gap.missed)} skipped`}
      </span>
    </li>
  );
}
