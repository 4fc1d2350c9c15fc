import { Button, SegmentedControl } from '@mantine/core';
import { IconShieldCheck } from '@tabler/icons-react';
import { useEffect, useMemo, useRef } from 'react';
import { useLocation, useParams, useSearch } from 'wouter';
import { useLive } from '../../api/useLive';
import { usePages } from '../../api/usePages';
import { useQuery } from '../../api/useQuery';
import { count, many } from '../../format/numbers';
import { IncidentsChangedDocument } from '../../gql/IncidentsChanged';
import { IncidentsEverDocument } from '../../gql/IncidentsEver';
import { IncidentsPageDocument, type IncidentsPageQuery } from '../../gql/IncidentsPage';
import type { AlertStatus } from '../../gql/schema';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { NotLive } from '../../ui/NotLive';
import { PageHeader } from '../../ui/PageHeader';
import { Split } from '../../ui/Split';
import { ToSimulator } from '../../ui/ToSimulator';
import { useRowKeys } from '../../ui/useRowKeys';
import { IncidentItemRow } from './IncidentItemRow';
import { IncidentOpened } from './IncidentOpened';
import classes from './IncidentsPage.module.css';

const pageOf = (data: IncidentsPageQuery) => data.incidents;
type Shown = AlertStatus | 'ALL';
const statuses: Shown[] = ['OPEN', 'RESOLVED', 'ALL'];

export function IncidentsPage() {
  const { id } = useParams<{ id?: string }>();
  const search = useSearch();
  const [, navigate] = useLocation();
  const named = new URLSearchParams(search).get('status')?.toUpperCase();
  const status = statuses.find((s) => s === named) ?? 'OPEN';
  const query = written(status);

  const variables = useMemo(() => (status === 'ALL' ? {} : { status }), [status]);
  const { pages, ...question } = usePages(IncidentsPageDocument, variables, pageOf);
  const { refetch } = question;
  useLive(IncidentsChangedDocument, refetch);

  const settled = useRef(status);
  useEffect(() => {
    if (!question.waiting) settled.current = status;
  });

  const ids = useMemo(() => pages.nodes.map((n) => n.id), [pages.nodes]);
  const keys = useRowKeys<HTMLUListElement>(ids, id);
  const close = () => {
    navigate(`/incidents${query}`);
    requestAnimationFrame(() => keys.focus(id));
  };
  const change = (next: Shown) =>
    navigate(`${id ? links.incident(id) : '/incidents'}${written(next)}`, { replace: true });

  return (
    <>
      <PageHeader
        title="Incidents"
        actions={
          <SegmentedControl
            size="xs"
            withItemsBorders={false}
            aria-label="Status"
            value={status}
            onChange={(value) => change(value as Shown)}
            data={[
              { value: 'OPEN', label: 'Open' },
              { value: 'RESOLVED', label: 'Resolved' },
              { value: 'ALL', label: 'All' },
            ]}
          />
        }
      >
        Alerts and weak observations that belong to one attack: they share a client, network, key or account,
        or several things that are rare here, as a program, a path or a way of asking.
      </PageHeader>
      <NotLive />
      <Split
        label="Incident"
        onClose={close}
        opened={id && <IncidentOpened key={id} id={id} onClose={close} onChanged={refetch} />}
      >
        <div className={classes.frame}>
          <Answer
            of={question}
            empty={() => pages.nodes.length === 0}
            nothing={<NoIncidents status={status} onChange={change} />}
            bones={
              <div className={classes.bones}>
                <Bones lines={6} height={66} />
              </div>
            }
          >
            {() => (
              <div
                className={classes.panel}
                data-turning={(question.waiting && settled.current !== status) || undefined}
              >
                <div className={classes.bar}>
                  <span className={classes.total} role="status">
                    {pages.total !== undefined &&
                      many(pages.total, `${status === 'ALL' ? '' : `${status.toLowerCase()} `}incident`)}
                  </span>
                  <span className={classes.order}>Newest first</span>
                </div>
                <ul
                  ref={keys.list}
                  className={classes.list}
                  tabIndex={-1}
                  aria-label="Incidents, newest first"
                  onKeyDown={keys.onKeyDown}
                >
                  {pages.nodes.map((incident) => (
                    <IncidentItemRow
                      key={incident.id}
                      incident={incident}
                      href={`${links.incident(incident.id)}${query}`}
                      opened={incident.id === id}
                      reached={incident.id === keys.reached}
                    />
                  ))}
                </ul>
                {pages.hasMore && (
                  <div className={classes.foot}>
                    <Button size="xs" variant="default" loading={pages.loadingMore} onClick={pages.loadMore}>
                      Load older
                    </Button>
                    {pages.total !== undefined && (
                      <span>
                        {count(pages.nodes.length)} of {count(pages.total)}
                      </span>
                    )}
                  </div>
                )}
              </div>
            )}
          </Answer>
        </div>
      </Split>
    </>
  );
}

function written(status: Shown): string {
  return status === 'OPEN' ? '' : `?status=${status.toLowerCase()}`;
}

/** Why nothing is listed: good news, or a fresh start. */
function NoIncidents({ status, onChange }: { status: Shown; onChange: (status: Shown) => void }) {
  const ever = useQuery(IncidentsEverDocument);
  const icon = <IconShieldCheck size={30} stroke={1.5} aria-hidden />;
  let nothing = (
    <Nothing
      icon={icon}
      title="No incident is open"
      action={
        <Button size="xs" variant="default" onClick={() => onChange('RESOLVED')}>
          See what was resolved
        </Button>
      }
    >
      When alerts turn out to belong together, they appear here as one.
    </Nothing>
  );
  if (status === 'ALL' || ever.data?.incidents.totalCount === 0)
    nothing = (
      <Nothing
        icon={icon}
        title="No incident so far"
        action={<ToSimulator>Launch an attack in the simulator</ToSimulator>}
      >
        When alerts share a client, a network, a key or an account, or several things that are rare here, they
        appear here as one. So do requests of many that say nothing one by one.
      </Nothing>
    );
  else if (status === 'RESOLVED')
    nothing = (
      <Nothing icon={icon} title="No incident is resolved yet">
        An incident is resolved once all its alerts are; one without alerts, once it was idle.
      </Nothing>
    );
  return <div className={classes.empty}>{nothing}</div>;
}
