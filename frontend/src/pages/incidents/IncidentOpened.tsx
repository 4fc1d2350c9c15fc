import { Button } from '@mantine/core';
import { IconSearchOff } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { fieldProblem } from '../../api/explain';
import { useMay } from '../../api/operator';
import { useLive } from '../../api/useLive';
import { useQuery } from '../../api/useQuery';
import { span } from '../../format/durations';
import { count, many } from '../../format/numbers';
import type { IncidentAlertFragment } from '../../gql/IncidentAlert';
import { IncidentOpenedDocument, type IncidentOpenedQuery } from '../../gql/IncidentOpened';
import { IncidentsChangedDocument } from '../../gql/IncidentsChanged';
import { ActionBadge } from '../../ui/ActionBadge';
import { Address, Copy } from '../../ui/Address';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { blocks } from '../../ui/decisions';
import { links } from '../../ui/links';
import { Opened, Part } from '../../ui/Opened';
import { SeverityBadge } from '../../ui/SeverityBadge';
import { AlertStatusBadge } from '../../ui/StatusBadge';
import { type Column, Table } from '../../ui/Table';
import { Clock, Left, Time } from '../../ui/Time';
import { Attack } from './Attack';
import { BlockIncident } from './BlockIncident';
import { clientsOf, type Involved } from './clients';
import { IncidentMade } from './IncidentMade';
import classes from './IncidentOpened.module.css';
import { ResolveIncident } from './ResolveIncident';

type Incident = NonNullable<IncidentOpenedQuery['incident']>;

/** Everything about one incident: what joined its alerts, who did what when, and the way to each alert. */
export function IncidentOpened({
  id,
  onClose,
  onChanged,
}: {
  id: string;
  onClose: () => void;
  /** Something was done that the list should show. */
  onChanged: () => void;
}) {
  const query = useQuery(IncidentOpenedDocument, { id });
  const { refetch } = query;
  useLive(IncidentsChangedDocument, refetch, { only: (news) => news.incidentChanged.id === id });

  const incident = query.data?.incident;
  const unknown = query.error && fieldProblem(query.error)?.field === 'id';
  return (
    <Opened
      title={incident?.title ?? 'Incident'}
      onClose={onClose}
      badges={
        incident && (
          <>
            <SeverityBadge severity={incident.severity} />
            <AlertStatusBadge status={incident.status} />
            <span className="mono">{incident.reference}</span>
            <Copy value={incident.reference} what="reference" />
          </>
        )
      }
    >
      {unknown ? (
        <Unknown id={id} />
      ) : (
        <Answer
          of={query}
          empty={(data) => data.incident === null}
          nothing={<Unknown id={id} />}
          bones={<Bones lines={7} height={52} />}
        >
          {(data) =>
            data.incident && (
              <Detail
                incident={data.incident}
                onChanged={() => {
                  refetch();
                  onChanged();
                }}
              />
            )
          }
        </Answer>
      )}
    </Opened>
  );
}

function Unknown({ id }: { id: string }) {
  return (
    <Nothing icon={<IconSearchOff size={28} stroke={1.5} aria-hidden />} title="There is no such incident">
      Nothing is known under {id}. It may come from another installation.
    </Nothing>
  );
}

function Detail({ incident, onChanged }: { incident: Incident; onChanged: () => void }) {
  const [, navigate] = useLocation();
  const may = useMay();
  const { alerts } = incident;
  const clients = clientsOf(alerts);
  const lasted = (Date.parse(incident.lastAt) - Date.parse(incident.firstAt)) / 1000;
  const all = `/alerts?status=all&incident=${encodeURIComponent(incident.id)}`;
  if (alerts.length === 0 && incident.clientCount === 0)
    return (
      <Nothing title="It has no alerts of its own any more">They went into the incident named above.</Nothing>
    );
  return (
    <>
      <p className={classes.lead}>
        {incident.alertCount > 0 ? many(incident.alertCount, 'alert') : 'Weak observations'} of{' '}
        {many(incident.clientCount, 'client')}
        {lasted >= 1 ? ` within ${span(lasted)}` : ' at once'}, joined by{' '}
        <strong>{incident.shared || 'what they have in common'}</strong>.
      </p>
      <p className={classes.times}>
        From <Clock at={incident.firstAt} /> to <Clock at={incident.lastAt} />, <Time at={incident.lastAt} />
      </p>

      {may.act && incident.status === 'OPEN' && alerts.length > 0 && (
        <ResolveIncident incident={incident.id} onChanged={onChanged} />
      )}
      {may.act && (
        <BlockIncident incident={incident.id} sources={incident.clientCount} onChanged={onChanged} />
      )}

      <IncidentMade id={incident.id} />

      {alerts.length > 0 && (
        <>
          <Part
            title="The attack over time"
            aside={
              alerts.length < incident.alertCount
                ? `from its newest ${count(alerts.length)} alerts`
                : many(clients.length, 'client')
            }
          >
            <Attack alerts={alerts} firstAt={incident.firstAt} lastAt={incident.lastAt} />
          </Part>

          <Part title="Clients">
            <Some of={clients}>
              {(shown) => (
                <Table
                  label="Clients of this incident"
                  columns={clientColumns}
                  rows={shown}
                  keyOf={(c) => c.label}
                />
              )}
            </Some>
          </Part>

          <Part
            title="Alerts, newest first"
            aside={
              <Link href={all} className={classes.more}>
                {alerts.length < incident.alertCount
                  ? `The newest ${count(alerts.length)}; see all ${count(incident.alertCount)}`
                  : 'See them under Alerts'}
              </Link>
            }
          >
            <Some of={alerts}>
              {(shown) => (
                <Table
                  label="Alerts of this incident"
                  columns={alertColumns}
                  rows={shown}
                  keyOf={(a) => a.id}
                  onOpen={(a) => navigate(links.alert(a.id))}
                />
              )}
            </Some>
          </Part>
        </>
      )}
    </>
  );
}

/** The first dozen of a list, and the others on request. */
function Some<Row>({ of: rows, children }: { of: Row[]; children: (shown: Row[]) => ReactNode }) {
  const [all, setAll] = useState(false);
  const enough = all || rows.length <= 15;
  return (
    <div className={classes.table}>
      {children(enough ? rows : rows.slice(0, 12))}
      {!enough && (
        <div className={classes.rest}>
          <Button size="xs" variant="default" onClick={() => setAll(true)}>
            Show all {count(rows.length)}
          </Button>
        </div>
      )}
    </div>
  );
}

const clientColumns: Column<Involved>[] = [
  {
    head: 'Client',
    width: '188px',
    cell: (c) => <Address value={c.label} to={links.client(c.address)} what="client" />,
  },
  {
    head: 'What it did',
    cell: (c) => (
      <span className={classes.did}>
        <SeverityBadge severity={c.worst} />
        {c.titles.join(', ')}
      </span>
    ),
  },
  { head: 'Now', width: '180px', cell: (c) => <Now client={c} /> },
];

/** Whether a client is kept out at this time. */
function Now({ client }: { client: Involved }) {
  const blocked = client.alerts.find((a) => blocks(a.decision));
  if (!blocked?.decision) return <span className={classes.none}>not blocked</span>;
  return (
    <span className={classes.now}>
      <ActionBadge action="BLOCK" />
      <Left until={blocked.decision.until} />
    </span>
  );
}

const alertColumns: Column<IncidentAlertFragment>[] = [
  { head: 'Raised', width: '92px', cell: (a) => <Clock at={a.firstAt} /> },
  { head: 'Severity', width: '104px', cell: (a) => <SeverityBadge severity={a.severity} /> },
  {
    head: 'Alert',
    opens: true,
    cell: (a) => (
      <span className={classes.alert}>
        {a.title}
        {a.findings > 1 && <span className={classes.none}> ×{count(a.findings)}</span>}
      </span>
    ),
  },
  { head: 'Client', cell: (a) => <span className="mono">{a.actor.label}</span> },
  { head: 'Status', width: '108px', cell: (a) => <AlertStatusBadge status={a.status} /> },
];
