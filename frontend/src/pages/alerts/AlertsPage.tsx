import { Button } from '@mantine/core';
import { IconSearchOff, IconShieldCheck } from '@tabler/icons-react';
import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';
import { useLocation, useParams, useSearch } from 'wouter';
import { useMay } from '../../api/operator';
import { useQuery } from '../../api/useQuery';
import { count } from '../../format/numbers';
import { AlertsEverDocument } from '../../gql/AlertsEver';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { NotLive } from '../../ui/NotLive';
import { PageHeader } from '../../ui/PageHeader';
import { Split } from '../../ui/Split';
import { ToSimulator } from '../../ui/ToSimulator';
import { useRowKeys } from '../../ui/useRowKeys';
import { AlertFilters } from './AlertFilters';
import { AlertList, NewPill } from './AlertList';
import { AlertOpened } from './AlertOpened';
import classes from './AlertsPage.module.css';
import { type ListFilter, narrowed, readFilter, usual, writeFilter } from './filter';
import { SelectedBar } from './SelectedBar';
import { useAlerts } from './useAlerts';

const away = 160; // pixels: further down than that, the list holds still for its reader

export function AlertsPage() {
  const { id } = useParams<{ id?: string }>();
  const search = useSearch();
  const [, navigate] = useLocation();
  const filter = useMemo(() => readFilter(new URLSearchParams(search)), [search]);
  const query = writeFilter(filter);
  const held = useScrolled(away);
  const alerts = useAlerts(filter, held);
  const { rows, refetch } = alerts;
  const may = useMay();
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const open = useMemo(() => rows.filter((r) => r.status === 'OPEN' && selected.has(r.id)), [rows, selected]);

  const toggle = useCallback(
    (row: string) =>
      setSelected((was) => {
        const next = new Set(was);
        if (!next.delete(row)) next.add(row);
        return next;
      }),
    [],
  );
  const ids = useMemo(() => rows.map((r) => r.id), [rows]);
  const keys = useRowKeys<HTMLUListElement>(ids, id, may.act ? toggle : undefined);

  const change = (next: ListFilter) => {
    setSelected(new Set());
    navigate(`${id ? links.alert(id) : '/alerts'}${writeFilter(next)}`, { replace: true });
  };
  const close = () => {
    navigate(`/alerts${query}`);
    requestAnimationFrame(() => keys.focus(id));
  };
  const up = () => {
    window.scrollTo({ top: 0, behavior: 'instant' });
    keys.list.current?.focus({ preventScroll: true });
  };

  return (
    <>
      <PageHeader title="Alerts">What the rules found, and what was done about it.</PageHeader>
      <AlertFilters filter={filter} onChange={change} />
      <NotLive />
      <Split
        label="Alert"
        onClose={close}
        opened={id && <AlertOpened key={id} id={id} onClose={close} onChanged={refetch} />}
      >
        <NewPill waiting={alerts.waiting} onShow={up} />
        {alerts.outside > 0 && (
          <p className={classes.outside} role="status">
            {count(alerts.outside)} new outside this filter.{' '}
            <button type="button" onClick={() => change(usual)}>
              Show all open alerts
            </button>
          </p>
        )}
        <div className={classes.frame}>
          <Answer
            of={alerts.question}
            empty={() => rows.length === 0}
            nothing={<NoAlerts filter={filter} onChange={change} />}
            bones={
              <div className={classes.bones}>
                <Bones lines={8} height={56} />
              </div>
            }
          >
            {() => (
              <AlertList
                alerts={alerts}
                kind={filter.status === 'ALL' ? '' : `${filter.status.toLowerCase()} `}
                query={query}
                opened={id}
                reached={keys.reached}
                list={keys.list}
                onKeyDown={keys.onKeyDown}
                selected={selected}
                onSelect={may.act ? setSelected : undefined}
              />
            )}
          </Answer>
        </div>
        <SelectedBar alerts={open} onClear={() => setSelected(new Set())} onChanged={refetch} />
      </Split>
    </>
  );
}

/** Why nothing is listed: the filter, good news, or a fresh start. */
function NoAlerts({ filter, onChange }: { filter: ListFilter; onChange: (filter: ListFilter) => void }) {
  const ever = useQuery(AlertsEverDocument);
  const all = filter.status === 'ALL';
  if (narrowed(filter))
    return (
      <Empty
        icon={IconSearchOff}
        title="No alert matches"
        action={
          <Button size="xs" variant="default" onClick={() => onChange({ ...usual, status: filter.status })}>
            Clear the filter
          </Button>
        }
      >
        {all ? 'None' : `None that is ${filter.status.toLowerCase()}`} fits the filter.
      </Empty>
    );
  if (all || ever.data?.alerts.totalCount === 0)
    return (
      <Empty
        icon={IconShieldCheck}
        title="No alert so far"
        action={<ToSimulator>Launch an attack in the simulator</ToSimulator>}
      >
        When a rule finds something, it appears here within the second.
      </Empty>
    );
  if (filter.status === 'RESOLVED')
    return (
      <Empty icon={IconShieldCheck} title="Nothing is resolved yet">
        What you resolve is kept here.
      </Empty>
    );
  return (
    <Empty
      icon={IconShieldCheck}
      title="All clear: no alert is open"
      action={
        <Button size="xs" variant="default" onClick={() => onChange({ ...usual, status: 'RESOLVED' })}>
          See what was resolved
        </Button>
      }
    >
      What comes next appears here by itself.
    </Empty>
  );
}

function Empty({
  icon: Icon,
  title,
  action,
  children,
}: {
  icon: typeof IconShieldCheck;
  title: string;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className={classes.empty}>
      <Nothing icon={<Icon size={30} stroke={1.5} aria-hidden />} title={title} action={action}>
        {children}
      </Nothing>
    </div>
  );
}

/** Whether the page is scrolled down by more than that. */
function useScrolled(pixels: number): boolean {
  const [scrolled, setScrolled] = useState(false);
  useEffect(() => {
    const look = () => setScrolled(window.scrollY > pixels);
    look();
    addEventListener('scroll', look, { passive: true });
    return () => removeEventListener('scroll', look);
  }, [pixels]);
  return scrolled;
}
