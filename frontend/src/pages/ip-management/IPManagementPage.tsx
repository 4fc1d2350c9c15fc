import { Button } from '@mantine/core';
import { IconDownload, IconPlus, IconSearchOff, IconShieldLock } from '@tabler/icons-react';
import { useCallback, useMemo, useState } from 'react';
import { useLocation, useParams, useSearch } from 'wouter';
import { useMay } from '../../api/operator';
import { addressIn } from '../../format/network';
import type { IpRowFragment } from '../../gql/IpRow';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { NotLive } from '../../ui/NotLive';
import { PageHeader } from '../../ui/PageHeader';
import { Split } from '../../ui/Split';
import { useRowKeys } from '../../ui/useRowKeys';
import { AddForm } from './AddForm';
import { ClientOpened } from './ClientOpened';
import { DecisionList } from './DecisionList';
import { DecisionOpened } from './DecisionOpened';
import { exportAddress, type ListFilter, readFilter, usual, writeFilter } from './filter';
import { IPFilters } from './IPFilters';
import { LiftConfirm } from './LiftConfirm';
import { useDecisions } from './useDecisions';

/** Who is blocked, allowed or watched: why, by whom and until when; and the forms that change it. */
export function IPManagementPage() {
  const { id } = useParams<{ id?: string }>();
  const search = useSearch();
  const [, navigate] = useLocation();
  const said = useMemo(() => new URLSearchParams(search), [search]);
  const filter = useMemo(() => readFilter(said), [said]);
  const client = id ? '' : (addressIn(said.get('client') ?? '') ?? '');
  const query = writeFilter(filter);
  const add = said.get('add');
  const decisions = useDecisions(filter);
  const { rows, refetch } = decisions;
  const mayChange = useMay().act;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [lifting, setLifting] = useState<IpRowFragment[]>([]);
  const ids = useMemo(() => rows.map((r) => r.id), [rows]);

  const toggle = useCallback(
    (row: string) =>
      setSelected((was) => {
        const next = new Set(was);
        if (!next.delete(row)) next.add(row);
        return next;
      }),
    [],
  );
  const keys = useRowKeys<HTMLUListElement>(ids, id, mayChange ? toggle : undefined);

  const change = (next: ListFilter) => {
    setSelected(new Set());
    navigate(`${id ? links.decision(id) : '/ip-management'}${writeFilter(next, client)}`, { replace: true });
  };
  const close = () => {
    navigate(`/ip-management${query}`);
    requestAnimationFrame(() => keys.focus(id));
  };
  const openForm = (target: string) => {
    const next = new URLSearchParams(search);
    next.set('add', target);
    navigate(`${id ? links.decision(id) : '/ip-management'}?${next}`);
  };
  const closeForm = () => {
    const next = new URLSearchParams(search);
    next.delete('add');
    const rest = next.toString();
    navigate(`${id ? links.decision(id) : '/ip-management'}${rest && `?${rest}`}`, { replace: true });
  };
  const added = (d: IpRowFragment) => {
    refetch();
    const hidden =
      (filter.state !== 'IN_FORCE' && filter.state !== 'ALL') ||
      (filter.action && filter.action !== d.action) ||
      (filter.origin && filter.origin !== d.origin) ||
      (filter.text && filter.text !== d.target.label);
    if (!hidden) return closeForm();
    navigate(`/ip-management${client ? writeFilter(usual, client) : ''}`, { replace: true });
  };

  const pane = id ? (
    <DecisionOpened
      key={id}
      id={id}
      mayChange={mayChange}
      onClose={close}
      onLift={(d) => setLifting([d])}
      onAdd={openForm}
      changed={decisions.changed.get(id)}
    />
  ) : client ? (
    <ClientOpened key={client} address={client} mayChange={mayChange} onClose={close} onAdd={openForm} />
  ) : undefined;

  return (
    <>
      <PageHeader
        title="IP management"
        actions={
          <>
            <Exports filter={filter} />
            {mayChange && (
              <Button
                size="xs"
                leftSection={<IconPlus size={15} stroke={2.2} aria-hidden />}
                onClick={() => openForm('')}
              >
                Add address
              </Button>
            )}
          </>
        }
      >
        Who is blocked, allowed or watched, why, and until when.
      </PageHeader>
      <IPFilters filter={filter} counts={decisions.counts} onChange={change} />
      <NotLive />
      <Split label={id ? 'Decision' : 'Client'} onClose={close} opened={pane}>
        <Answer
          of={decisions.list}
          bones={<Bones lines={8} height={46} />}
          empty={() => rows.length === 0 && !decisions.list.pages.hasMore}
          nothing={<NoDecisions filter={filter} onChange={change} onAdd={mayChange ? openForm : undefined} />}
        >
          {() => (
            <DecisionList
              rows={rows}
              pages={decisions.list.pages}
              query={query}
              opened={id}
              reached={keys.reached}
              list={keys.list}
              onKeyDown={keys.onKeyDown}
              selected={selected}
              onSelect={setSelected}
              onToggle={toggle}
              onLift={mayChange ? setLifting : undefined}
              fresh={decisions.changed}
            />
          )}
        </Answer>
      </Split>
      <LiftConfirm
        decisions={lifting}
        onClose={() => setLifting([])}
        onLifted={() => {
          setSelected(new Set());
          refetch();
        }}
      />
      <AddForm
        key={add}
        opened={add !== null && mayChange}
        target={add ?? ''}
        onClose={closeForm}
        onAdded={added}
      />
    </>
  );
}

function Exports({ filter }: { filter: ListFilter }) {
  return (['csv', 'json'] as const).map((format) => (
    <Button
      key={format}
      component="a"
      href={exportAddress(format, filter)}
      download
      size="xs"
      variant="default"
      leftSection={<IconDownload size={14} aria-hidden />}
      aria-label={`Export as ${format.toUpperCase()}`}
    >
      {format.toUpperCase()}
    </Button>
  ));
}

/** Why nothing is listed: the filter, or that nothing was decided. */
function NoDecisions({
  filter,
  onChange,
  onAdd,
}: {
  filter: ListFilter;
  onChange: (filter: ListFilter) => void;
  onAdd: ((target: string) => void) | undefined;
}) {
  const address = addressIn(filter.text);
  if (filter.text || filter.action || filter.origin)
    return (
      <Nothing
        icon={<IconSearchOff size={30} stroke={1.4} aria-hidden />}
        title={address ? `Nothing covers ${address}` : 'No decision is like that'}
        action={
          <Button size="xs" variant="default" onClick={() => onChange({ ...usual, state: filter.state })}>
            Clear the filter
          </Button>
        }
      >
        {filter.state === 'ALL'
          ? 'None matches the filter.'
          : `None that is ${words[filter.state]} matches the filter.`}
      </Nothing>
    );
  if (filter.state === 'EXPIRED' || filter.state === 'LIFTED')
    return (
      <Nothing
        icon={<IconShieldLock size={30} stroke={1.4} aria-hidden />}
        title={`No decision is ${words[filter.state]}`}
      >
        What {filter.state === 'EXPIRED' ? 'ends by itself' : 'somebody lifts'} is kept here.
      </Nothing>
    );
  return (
    <Nothing
      icon={<IconShieldLock size={34} stroke={1.4} aria-hidden />}
      title="Nobody is blocked, allowed or watched"
      action={
        onAdd && (
          <Button size="xs" onClick={() => onAdd('')}>
            Add address
          </Button>
        )
      }
    >
      When a rule blocks somebody, or you do, it appears here at once.
    </Nothing>
  );
}

const words = { IN_FORCE: 'in force', EXPIRED: 'expired', LIFTED: 'lifted' };
