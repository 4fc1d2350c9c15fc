import { Button } from '@mantine/core';
import { IconDownload, IconRadar2, IconSearchOff } from '@tabler/icons-react';
import { useCallback, useMemo, useState } from 'react';
import { useLocation, useParams, useSearch } from 'wouter';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { NotLive } from '../../ui/NotLive';
import { PageHeader } from '../../ui/PageHeader';
import { Split } from '../../ui/Split';
import { ToSimulator } from '../../ui/ToSimulator';
import { useRowKeys } from '../../ui/useRowKeys';
import { everything, exportAddress, type ListFilter, narrowed, readFilter, writeFilter } from './filter';
import { LogsBar } from './LogsBar';
import { LogsFilters } from './LogsFilters';
import { LogsList } from './LogsList';
import { LogsOpened } from './LogsOpened';
import { rowsIn, type Tail } from './tail';
import { usePauseKey, useScrolled } from './usePause';
import { useTail } from './useTail';

const away = 160; // pixels: further down than that, the list holds still for its reader

/** Every request to the protected API and its answer: as it happens, and before. */
export function LogsPage() {
  const { id } = useParams<{ id?: string }>();
  const search = useSearch();
  const [, navigate] = useLocation();
  const filter = useMemo(() => readFilter(new URLSearchParams(search)), [search]);
  const query = writeFilter(filter);
  const [paused, setPaused] = useState(false);
  const scrolled = useScrolled(away);
  const tail = useTail(filter, paused || scrolled);
  const { data } = tail.question;
  const rows = useMemo(() => rowsIn(data?.lines ?? []), [data?.lines]);
  const ids = useMemo(() => rows.map((r) => r.id), [rows]);
  const keys = useRowKeys<HTMLUListElement>(ids, id);

  const change = (next: ListFilter) =>
    navigate(`${id ? links.exchange(id) : '/logs'}${writeFilter(next)}`, { replace: true });
  const close = () => {
    navigate(`/logs${query}`);
    requestAnimationFrame(() => keys.focus(id));
  };
  const { resume } = tail;
  const cut = data?.cut ?? false;
  const follow = useCallback(() => {
    if (cut) resume();
    setPaused(false);
    window.scrollTo({ top: 0, behavior: 'instant' });
  }, [cut, resume]);
  const toggle = useCallback(() => (paused ? follow() : setPaused(true)), [paused, follow]);
  usePauseKey(toggle, tail.live);

  return (
    <>
      <PageHeader title="Logs" actions={<Exports filter={filter} />}>
        Every request and its answer, as it passes the gateway.
      </PageHeader>
      <LogsFilters filter={filter} onChange={change} />
      <NotLive />
      <Split
        label="Request"
        onClose={close}
        opened={
          id && (
            <LogsOpened
              key={id}
              id={id}
              known={rows.find((r) => r.id === id)}
              query={query}
              onClose={close}
              onNarrow={(more) => change({ ...everything, ...more })}
            />
          )
        }
      >
        <Answer of={tail.question} bones={<Bones lines={12} height={30} />}>
          {(t: Tail) => (
            <LogsList
              lines={t.lines}
              filter={filter}
              query={query}
              opened={id}
              reached={keys.reached}
              list={keys.list}
              onKeyDown={keys.onKeyDown}
              turning={tail.turning}
              bar={
                <LogsBar
                  tail={t}
                  shown={rows.length}
                  live={tail.live}
                  paused={paused}
                  held={scrolled}
                  onToggle={toggle}
                  onFollow={follow}
                />
              }
              more={
                t.more && {
                  busy: tail.loadingMore,
                  none: rows.length === 0,
                  load: tail.loadMore,
                }
              }
              nothing={<NoRequests filter={filter} more={t.more} onChange={change} />}
            />
          )}
        </Answer>
      </Split>
    </>
  );
}

/** The same as a file; the span is that of the moment when it is asked for. */
function Exports({ filter }: { filter: ListFilter }) {
  const [now] = useState(() => Date.now());
  return (['csv', 'json'] as const).map((format) => (
    <Button
      key={format}
      component="a"
      href={exportAddress(format, filter, now)}
      download
      size="xs"
      variant="default"
      leftSection={<IconDownload size={14} aria-hidden />}
      aria-label={`Export as ${format.toUpperCase()}`}
      onClick={(event) => {
        event.currentTarget.href = exportAddress(format, filter, Date.now());
      }}
    >
      {format.toUpperCase()}
    </Button>
  ));
}

/** Why nothing is listed: the filter, a search that goes on, or silence. */
function NoRequests({
  filter,
  more,
  onChange,
}: {
  filter: ListFilter;
  more: boolean;
  onChange: (filter: ListFilter) => void;
}) {
  if (narrowed(filter) === 0)
    return (
      <Nothing
        icon={<IconRadar2 size={34} stroke={1.4} aria-hidden />}
        title="No traffic yet"
        action={<ToSimulator filled>Start the simulator</ToSimulator>}
      >
        Each request appears here as it passes the gateway.
      </Nothing>
    );
  return (
    <Nothing
      icon={<IconSearchOff size={30} stroke={1.4} aria-hidden />}
      title={more ? 'Nothing found so far' : 'No request is like that'}
      action={
        <Button size="xs" variant="default" onClick={() => onChange(everything)}>
          Clear the filter
        </Button>
      }
    >
      {more
        ? 'The newest traffic holds no match. The search can go on further back.'
        : filter.to
          ? 'Nothing that is kept matches the filter.'
          : 'Nothing that is kept matches the filter. What comes and matches appears here at once.'}
    </Nothing>
  );
}
