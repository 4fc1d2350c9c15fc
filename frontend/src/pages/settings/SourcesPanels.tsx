import { IconAlertTriangle, IconCheck, IconCloudOff } from '@tabler/icons-react';
import { useEvery } from '../../api/useEvery';
import { useQuery } from '../../api/useQuery';
import { bytes } from '../../format/bytes';
import { count, many } from '../../format/numbers';
import { SettingsSourcesDocument, type SettingsSourcesQuery } from '../../gql/SettingsSources';
import { Badge } from '../../ui/Badge';
import { Panel } from '../../ui/Panel';
import { type Column, Table } from '../../ui/Table';
import { Time } from '../../ui/Time';
import { MemoryPanel } from './MemoryPanel';
import { PlacesPanel } from './PlacesPanel';
import classes from './SettingsPage.module.css';
import { UsualPanel } from './UsualPanel';

type Upstream = SettingsSourcesQuery['upstreams'][number];
type Log = SettingsSourcesQuery['logs'][number];

/** The protected APIs and the followed logs, and how they do; nothing where there are none. */
export function SourcesPanels() {
  const query = useQuery(SettingsSourcesDocument);
  useEvery(5_000, query.refetch);
  const { upstreams = [], logs = [], health } = query.data ?? {};
  return (
    <>
      {upstreams.length > 0 && (
        <Panel title="Protected APIs" flush>
          <Table
            label="Protected APIs"
            columns={upstreamColumns}
            rows={upstreams}
            keyOf={(u) => `${u.name} ${u.target}`}
          />
        </Panel>
      )}
      {logs.length > 0 && (
        <Panel title="Followed logs" flush>
          <ul className={classes.logs}>
            {logs.map((log) => (
              <FollowedLog key={log.file} log={log} />
            ))}
          </ul>
        </Panel>
      )}
      {health && <PlacesPanel places={health.places} />}
      {health?.usual && <UsualPanel usual={health.usual} />}
      {health && health.memory.length > 0 && <MemoryPanel memory={health.memory} />}
    </>
  );
}

const upstreamColumns: Column<Upstream>[] = [
  { head: 'Name', cell: (u) => <span className={classes.name}>{u.name}</span>, width: '150px' },
  { head: 'Where', width: '250px', cell: (u) => <span className="mono">{u.target}</span> },
  {
    head: 'State',
    cell: (u) => (
      <span className={classes.state}>
        {u.healthy ? (
          <Badge tone="good" icon={IconCheck}>
            Healthy
          </Badge>
        ) : (
          <Badge tone="bad" icon={IconCloudOff}>
            Away
          </Badge>
        )}
        {!u.healthy && u.reason && <span className={classes.why}>{u.reason}</span>}
      </span>
    ),
  },
  { head: 'Since', width: '130px', cell: (u) => <Time at={u.since} /> },
];

/** How far it is read, in one sentence. */
function progress(log: Log): string {
  const lag = log.lag > 0 ? `${bytes(log.lag)} wait.` : 'Nothing waits.';
  if (log.lines === 0) return `Nothing was read yet. ${lag}`;
  const all = log.bad === 0 ? ', every one of them understood' : '';
  return `${many(log.lines, 'line')} read${all}. ${lag}`;
}

/** One file: how far it is read, and which of its lines could not be. */
function FollowedLog({ log }: { log: Log }) {
  const more = log.bad - log.badLines.length;
  return (
    <li className={classes.log}>
      <p className={classes.logHead}>
        <span className={`mono ${classes.name}`}>{log.file === '-' ? 'standard input' : log.file}</span>
        <span className={classes.dim}>
          {log.format}, {log.as === 'TRAFFIC' ? 'judged as traffic' : 'answers to what a proxy asked'}
        </span>
      </p>
      <p>{progress(log)}</p>
      {log.problem && (
        <p className={classes.trouble}>
          <IconAlertTriangle size={15} aria-hidden />
          {log.problem}
        </p>
      )}
      {log.bad > 0 && (
        <details className={classes.bad}>
          <summary>{many(log.bad, 'line')} could not be read</summary>
          <ol>
            {log.badLines.map((b) => (
              <li key={b.number}>
                <span className={classes.dim}>line {count(b.number)}</span> {b.problem}
              </li>
            ))}
          </ol>
          {more > 0 && <p className={classes.dim}>and {count(more)} more</p>}
        </details>
      )}
    </li>
  );
}
