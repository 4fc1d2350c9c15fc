import { count, percent } from '../../format/numbers';
import type { EndpointRowFragment } from '../../gql/EndpointRow';
import { Badge } from '../../ui/Badge';
import { type Column, Table } from '../../ui/Table';
import { Time } from '../../ui/Time';
import { answered, mixWords } from './endpoints';
import classes from './InventoryPage.module.css';

/** Endpoints, each with how it is used and how it answers. */
export function EndpointTable({ endpoints }: { endpoints: EndpointRowFragment[] }) {
  return (
    <div className={classes.box}>
      <Table label="Endpoints" columns={columns} rows={endpoints} keyOf={(e) => e.id} />
    </div>
  );
}

const columns: Column<EndpointRowFragment>[] = [
  {
    head: 'Endpoint',
    cell: (e) => (
      <span className={classes.endpoint}>
        <span className="mono">
          <span className={classes.method}>{e.method}</span> {e.route}
        </span>
        <Marks endpoint={e} />
      </span>
    ),
  },
  { head: 'Requests', width: '96px', align: 'right', cell: (e) => count(e.requests) },
  { head: 'Answers', width: '196px', cell: (e) => <Mix endpoint={e} /> },
  {
    head: 'Identified',
    width: '92px',
    align: 'right',
    cell: (e) =>
      e.requests > 0 && (
        <span title="Share of requests with a key, a session or an account">{percent(e.authenticated)}</span>
      ),
  },
  { head: 'First seen', width: '110px', cell: (e) => (e.firstAt ? <Time at={e.firstAt} /> : 'never') },
  { head: 'Last seen', width: '110px', cell: (e) => e.lastAt && <Time at={e.lastAt} /> },
];

function Marks({ endpoint: e }: { endpoint: EndpointRowFragment }) {
  if (!e.late && !e.deprecated && (e.listing === null || e.listing === 'LISTED')) return null;
  return (
    <span className={classes.marks}>
      {e.listing === 'SHADOW' && <Badge tone="warn">Shadow</Badge>}
      {e.listing === 'UNUSED' && <Badge tone="info">Unused</Badge>}
      {e.deprecated && <Badge tone={e.requests > 0 ? 'warn' : 'info'}>Deprecated</Badge>}
      {e.late && <Badge tone="low">New</Badge>}
    </span>
  );
}

/** How it answers: a bar of the classes, with the share that went well in words. */
function Mix({ endpoint: e }: { endpoint: EndpointRowFragment }) {
  const well = answered(e);
  if (well === undefined) return <span className={classes.dim}>none yet</span>;
  return (
    <span className={classes.mix} title={mixWords(e)}>
      <span className={classes.bar} aria-hidden>
        {e.statuses.map((s) => (
          <span key={s.class} data-class={s.class} style={{ flexGrow: s.count }} />
        ))}
      </span>
      <span>
        {percent(well)} well<span className="only-heard">, {mixWords(e)}</span>
      </span>
    </span>
  );
}
