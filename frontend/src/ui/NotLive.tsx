import { IconCloudOff } from '@tabler/icons-react';
import { useConnection } from '../api/connection';
import classes from './NotLive.module.css';

/** Says above a live list that it stands still, while it does. */
export function NotLive() {
  const state = useConnection();
  if (state === 'live' || state === 'connecting') return null;
  return (
    <p className={classes.note} role="status">
      <IconCloudOff size={15} aria-hidden />
      {state === 'offline'
        ? 'This machine has no network. What you see is what was known before.'
        : 'Not live: what happens now appears once the server is back.'}
    </p>
  );
}
