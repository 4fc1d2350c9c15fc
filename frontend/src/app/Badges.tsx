import { IconCloudOff, IconFlask, IconLoader2 } from '@tabler/icons-react';
import { type ConnectionState, useConnection } from '../api/connection';
import classes from './Badges.module.css';

const states: Record<ConnectionState, { label: string; about: string }> = {
  live: { label: 'Live', about: 'News arrives as it happens' },
  connecting: { label: 'Connecting', about: 'Opening the live connection' },
  reconnecting: { label: 'Reconnecting', about: 'The server is away; trying again' },
  offline: { label: 'Offline', about: 'This machine has no network' },
};

/** How the live connection stands. */
export function LiveBadge() {
  const state = useConnection();
  const { label, about } = states[state];
  return (
    <span className={classes.live} data-state={state} role="status" title={about} data-testid="live">
      {state === 'live' && <span className={classes.dot} aria-hidden />}
      {(state === 'connecting' || state === 'reconnecting') && (
        <IconLoader2 size={13} className={classes.turn} aria-hidden />
      )}
      {state === 'offline' && <IconCloudOff size={14} aria-hidden />}
      <span className={classes.word}>{label}</span>
    </span>
  );
}

/** In the demo nobody signs in, and that must not be mistaken for how it is in production. */
export function DemoNote() {
  return (
    <>
      <button type="button" className={classes.demo} popoverTarget="about-demo">
        <IconFlask size={14} aria-hidden />
        <span>
          <strong>Demo</strong>
          <span className={classes.long}>: everyone on this machine is admin</span>
        </span>
      </button>
      <div id="about-demo" popover="auto" className={classes.about}>
        <strong>This is a demo: everyone on this machine is admin.</strong>
        <p>
          Nobody signs in. To protect a real API run <code>sentinel serve</code>, where every operator does.
        </p>
      </div>
    </>
  );
}
