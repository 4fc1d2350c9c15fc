import { Button, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Confirm.module.css';

/** Asks before something that others will feel. `children` says what will happen and how it is undone. */
export function Confirm({
  opened,
  title,
  children,
  verb,
  danger = false,
  busy = false,
  onConfirm,
  onClose,
}: {
  opened: boolean;
  title: string;
  children: ReactNode;
  /** What the button says: the verb, not "OK". */
  verb: string;
  danger?: boolean;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      centered
      size="md"
      closeButtonProps={{ 'aria-label': 'Close' }}
      attributes={{ header: { role: 'none' } }} // a header of the dialog, not of the page
    >
      <div className={classes.body}>{children}</div>
      <div className={classes.actions}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          data-autofocus
          loading={busy}
          onClick={onConfirm}
          {...(danger && { className: classes.danger })}
        >
          {verb}
        </Button>
      </div>
    </Modal>
  );
}
