import { Button } from '@mantine/core';
import { IconArrowUp, IconPlayerPauseFilled, IconPlayerPlayFilled } from '@tabler/icons-react';
import { useConnection } from '../../api/connection';
import { count } from '../../format/numbers';
import classes from './LogsBar.module.css';
import type { Tail } from './tail';

/** How the list stands: live, paused or of the past; what waits; and the switch. */
export function LogsBar({
  tail,
  shown,
  live,
  paused,
  held,
  onToggle,
  onFollow,
}: {
  tail: Tail;
  shown: number;
  live: boolean;
  paused: boolean;
  /** The reader is further down. */
  held: boolean;
  onToggle: () => void;
  onFollow: () => void;
}) {
  const connected = useConnection() === 'live';
  const state = !live ? 'past' : paused ? 'paused' : held || tail.cut ? 'held' : connected ? 'live' : 'away';
  return (
    <div className={classes.bar} data-state={state}>
      <span className={classes.state} role="status">
        <span className={classes.dot} aria-hidden />
        {names[state]}
      </span>
      <span className={classes.shown}>{count(shown)} shown</span>
      {live && (tail.waitingCount > 0 || tail.cut) && (
        <button type="button" className={classes.pill} onClick={onFollow}>
          <IconArrowUp size={14} stroke={2.4} aria-hidden />
          {tail.waitingCount > 0 ? `${count(tail.waitingCount)} new` : 'Back to the newest'}
        </button>
      )}
      {live && (
        <Button
          className={classes.switch ?? ''}
          size="compact-xs"
          variant="default"
          onClick={onToggle}
          title={paused ? 'Go on (P)' : 'Pause (P)'}
          leftSection={
            paused ? (
              <IconPlayerPlayFilled size={12} aria-hidden />
            ) : (
              <IconPlayerPauseFilled size={12} aria-hidden />
            )
          }
        >
          {paused ? 'Resume' : 'Pause'}
        </Button>
      )}
    </div>
  );
}

const names = {
  live: 'Live',
  paused: 'Paused',
  held: 'Held while you read',
  away: 'Not live',
  past: 'A span of the past',
};
