import { useMantineColorScheme } from '@mantine/core';
import { IconChevronDown, IconLock, IconLogout, IconUserCircle } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { Link } from 'wouter';
import { useOperator, useOwnSession } from '../api/operator';
import { roleAbout, roleLabel } from '../ui/roles';
import { toast } from '../ui/toasts';
import classes from './OperatorMenu.module.css';

/** Who is signed in, and the way out. Nothing in the demo, where nobody signs in. */
export function OperatorMenu() {
  const operator = useOperator();
  const session = useOwnSession();
  const menu = useRef<HTMLDivElement>(null);
  const [busy, setBusy] = useState(false);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  if (!operator || operator.demo) return null;
  const leave = async () => {
    setBusy(true);
    const refusal = await session.signOut();
    setBusy(false);
    if (refusal) return toast.failed(refusal.problem);
    setColorScheme(colorScheme); // the browser has been told to forget all; that one is no secret
  };
  return (
    <>
      <button
        type="button"
        className={classes.button}
        popoverTarget="operator"
        aria-label={`${operator.name}, ${roleLabel(operator.role).toLowerCase()}: menu`}
      >
        <IconUserCircle size={20} stroke={1.7} aria-hidden />
        <span className={classes.name}>{operator.name}</span>
        <IconChevronDown size={14} aria-hidden className={classes.arrow} />
      </button>
      <div ref={menu} id="operator" popover="auto" className={classes.menu}>
        <p className={classes.who}>
          <strong>{operator.name}</strong>
          <span>{roleLabel(operator.role)}</span>
        </p>
        <p className={classes.about}>{roleAbout(operator.role)}</p>
        <Link
          href="/settings#password"
          className={classes.item}
          onClick={() => menu.current?.hidePopover?.()}
        >
          <IconLock size={17} stroke={1.8} aria-hidden />
          Change password
        </Link>
        <button type="button" className={classes.item} disabled={busy} onClick={() => void leave()}>
          <IconLogout size={17} stroke={1.8} aria-hidden />
          Sign out
        </button>
      </div>
    </>
  );
}
