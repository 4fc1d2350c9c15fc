import { Button } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useCopy } from '../../ui/Address';
import classes from './OneTime.module.css';

/** Something secret that is shown this once: to be copied before the dialog is closed. */
export function OneTime({
  label,
  value,
  verb,
  children,
  onDone,
}: {
  label: string;
  value: string;
  /** What the button says, as "Copy link". */
  verb: string;
  /** What it is for, and how long it is good. */
  children: ReactNode;
  onDone: () => void;
}) {
  const { copied, copy } = useCopy(value);
  return (
    <div className={classes.once}>
      <div className={classes.about}>{children}</div>
      <textarea
        className={classes.value}
        aria-label={label}
        readOnly
        rows={2}
        spellCheck={false}
        value={value}
        onFocus={(e) => e.currentTarget.select()}
      />
      <div className={classes.end}>
        <Button
          data-autofocus
          leftSection={copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
          onClick={() => void copy()}
        >
          {copied ? 'Copied' : verb}
        </Button>
        <Button variant="default" onClick={onDone}>
          Done
        </Button>
      </div>
    </div>
  );
}
