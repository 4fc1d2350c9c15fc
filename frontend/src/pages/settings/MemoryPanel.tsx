import { IconWaveSine } from '@tabler/icons-react';
import { count, many, percent } from '../../format/numbers';
import type { SettingsSourcesQuery } from '../../gql/SettingsSources';
import { Badge } from '../../ui/Badge';
import { Panel } from '../../ui/Panel';
import classes from './SettingsPage.module.css';

type Memory = SettingsSourcesQuery['health']['memory'][number];

/** Rules that are shown at once: where something goes wrong, it is among them. */
const first = 5;

/**
 * How full the memory of each rule is, the one in most need first. Full is as it should be; what was
 * forgotten too early is told.
 */
export function MemoryPanel({ memory: all }: { memory: Memory[] }) {
  const memory = all.filter((m) => m.room > 0); // others look at one exchange, or at what is known anyway
  const used = memory.filter((m) => m.held > 0 || lost(m) > 0 || m.flooded).sort(needier);
  const idle = memory.filter((m) => !used.includes(m));
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
      {used.length > 0 && <Memories of={used.slice(0, first)} label="What rules remember" />}
      {used.length > first && (
        <details className={classes.memory}>
          <summary>{many(used.length - first, 'more rule')}</summary>
          <Memories of={used.slice(first)} label="What more rules remember" />
        </details>
      )}
      {idle.length > 0 && (
        <details className={classes.memory}>
          <summary>{many(idle.length, 'rule')} with nothing to remember</summary>
          <p className="mono">{idle.map((m) => m.rule).join(', ')}</p>
        </details>
      )}
    </Panel>
  );
}

function Memories({ of, label }: { of: Memory[]; label: string }) {
  return (
    <ul className={classes.memories} aria-label={label}>
      {of.map((m) => (
        <li key={m.rule}>
          <span className={`mono ${classes.whose}`}>{m.rule}</span>
          <span className={classes.gauge} aria-hidden>
            <span style={{ width: `${Math.min(100, 100 * fullness(m))}%` }} />
          </span>
          <span className={classes.share}>{percent(fullness(m))}</span>
          <span className={classes.held}>
            {count(m.held)} of {count(m.room)}
          </span>
          {(m.flooded || lost(m) > 0) && (
            <span className={classes.losses}>
              {m.flooded && (
                <Badge tone="warn" icon={IconWaveSine}>
                  Flood
                </Badge>
              )}
              {m.evicted > 0 && <span>{count(m.evicted)} forgotten</span>}
              {m.turnedAway > 0 && <span>{count(m.turnedAway)} not taken in</span>}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function fullness(m: Memory): number {
  return m.held / Math.max(1, m.room);
}

/** What should have been remembered and is not. */
function lost(m: Memory): number {
  return m.evicted + m.turnedAway;
}

function needier(a: Memory, b: Memory): number {
  return Number(b.flooded) - Number(a.flooded) || lost(b) - lost(a) || fullness(b) - fullness(a);
}
