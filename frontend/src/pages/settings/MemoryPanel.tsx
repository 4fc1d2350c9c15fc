import { IconWaveSine } from '@tabler/icons-react';
import { count, many, percent } from '../../format/numbers';
import type { SettingsSourcesQuery } from '../../gql/SettingsSources';
import { Badge } from '../../ui/Badge';
import { Panel } from '../../ui/Panel';
import { type Column, Table } from '../../ui/Table';
import classes from './SettingsPage.module.css';

type Memory = SettingsSourcesQuery['health']['memory'][number];

/** How full the memory of each rule is. Full is as it should be; what was forgotten too early is told. */
export function MemoryPanel({ memory: all }: { memory: Memory[] }) {
  const memory = all.filter((m) => m.room > 0); // others look at one exchange, or at what is known anyway
  const flooded = memory.filter((m) => m.flooded).length;
  const forgotten = memory.reduce((sum, m) => sum + m.evicted, 0);
  return (
    <Panel
      title="What rules remember"
      flush
      aside={
        flooded > 0 ? (
          <Badge tone="warn" icon={IconWaveSine}>
            {many(flooded, 'flood')}
          </Badge>
        ) : forgotten > 0 ? (
          `${count(forgotten)} forgotten while they still counted`
        ) : (
          'Nothing was forgotten too early'
        )
      }
    >
      <details className={classes.memory}>
        <summary>{many(memory.length, 'rule')}, each with room of its own</summary>
        <Table label="What rules remember" columns={columns} rows={memory} keyOf={(m) => m.rule} />
      </details>
    </Panel>
  );
}

const columns: Column<Memory>[] = [
  {
    head: 'Rule',
    cell: (m) => (
      <span className={classes.state}>
        <span className="mono">{m.rule}</span>
        {m.flooded && (
          <Badge tone="warn" icon={IconWaveSine}>
            Flood
          </Badge>
        )}
      </span>
    ),
  },
  {
    head: 'Full',
    width: '190px',
    cell: (m) => (
      <span className={classes.full}>
        <span className={classes.gauge} aria-hidden>
          <span style={{ width: `${Math.min(100, (100 * m.held) / Math.max(1, m.room))}%` }} />
        </span>
        {percent(m.held / Math.max(1, m.room))}
      </span>
    ),
  },
  { head: 'Held', width: '90px', align: 'right', cell: (m) => count(m.held) },
  { head: 'Room', width: '90px', align: 'right', cell: (m) => count(m.room) },
  { head: 'Forgotten', width: '100px', align: 'right', cell: (m) => count(m.evicted) },
  { head: 'Not taken in', width: '110px', align: 'right', cell: (m) => count(m.turnedAway) },
];
