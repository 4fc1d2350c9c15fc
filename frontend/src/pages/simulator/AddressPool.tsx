import { IconBan, IconCircleCheck, IconCircleDashed, IconCircleDotFilled } from '@tabler/icons-react';
import type { CSSProperties } from 'react';
import { Link } from 'wouter';
import type { Group } from '../../../../simulator/play';
import { count } from '../../format/numbers';
import { links } from '../../ui/links';
import { Panel } from '../../ui/Panel';
import classes from './AddressPool.module.css';
import type { Cell } from './simulation';

const states: Record<Cell['state'], { icon: typeof IconBan; label: string }> = {
  idle: { icon: IconCircleDashed, label: 'idle' },
  active: { icon: IconCircleDotFilled, label: 'active' },
  blocked: { icon: IconBan, label: 'blocked' },
  done: { icon: IconCircleCheck, label: 'done' },
};

/**
 * Every address of a run: whether it is idle, active or blocked, and what it got, as a bar:
 * what passed, what the API itself turned down, what the gateway refused.
 */
export function AddressPool({ groups, cells, ended }: { groups: Group[]; cells: Cell[]; ended: boolean }) {
  return (
    <Panel title="Addresses" aside={<Legend cells={cells} />}>
      <div className={classes.groups}>
        {groups.map((group) => {
          const own = cells.filter((c) => c.group === group.name);
          const width = own.some((c) => c.label.includes(':')) ? 194 : 146; // of a cell that shows its address whole
          return (
            <div
              key={group.name}
              className={classes.group}
              style={
                {
                  '--cell': `${width}px`,
                  flexGrow: own.length,
                  flexBasis: own.length * width,
                } as CSSProperties
              }
            >
              <h3 className={classes.label}>{group.label}</h3>
              <ul className={classes.cells} aria-label={group.label}>
                {own.map((cell) => (
                  <One key={cell.label} cell={cell} ended={ended} />
                ))}
              </ul>
            </div>
          );
        })}
      </div>
    </Panel>
  );
}

function One({ cell, ended }: { cell: Cell; ended: boolean }) {
  const { icon: Icon, label } = states[cell.state];
  const told = `${label}, ${count(cell.answered)} of ${count(cell.planned)} answered, ${count(cell.refused)} refused`;
  const share = (n: number) => `${(n / cell.planned) * 100}%`;
  return (
    <li className={classes.cell} data-state={cell.state} title={`${cell.label}: ${told}`}>
      <Icon size={15} stroke={2} aria-hidden />
      {ended && cell.answered > 0 ? (
        <Link href={links.client(cell.label)} className={classes.address}>
          {cell.label}
        </Link>
      ) : (
        <span className={classes.address}>{cell.label}</span>
      )}
      <span className={classes.count} aria-hidden>
        {cell.answered}/{cell.planned}
      </span>
      <span className="only-heard">{told}</span>
      <span className={classes.bar} aria-hidden>
        <span style={{ width: share(cell.fine) }} />
        <span style={{ width: share(cell.answered - cell.fine - cell.refused) }} />
        <span style={{ width: share(cell.refused) }} />
      </span>
    </li>
  );
}

function Legend({ cells }: { cells: Cell[] }) {
  return (
    <ul className={classes.legend} aria-label="How many are in which state">
      {(Object.keys(states) as Cell['state'][]).map((state) => {
        const { icon: Icon, label } = states[state];
        const n = cells.filter((c) => c.state === state).length;
        return (
          <li key={state} data-state={state} data-none={n === 0 || undefined}>
            <Icon size={14} stroke={2} aria-hidden />
            {n} {label}
          </li>
        );
      })}
    </ul>
  );
}
