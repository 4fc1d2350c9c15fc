import { Button } from '@mantine/core';
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { explain } from '../api/explain';
import type { Question } from '../api/useQuery';
import classes from './Answer.module.css';

/**
 * The four answers of a question: waiting (bones of the coming content), failed (with another try),
 * empty (when `empty` says so, `nothing` is shown), and here. Data stays on screen while a newer answer
 * is on its way; when that one fails, it says so above what was known before.
 */
export function Answer<Data>({
  of: question,
  children,
  empty,
  nothing,
  bones = 3,
}: {
  of: Question<Data>;
  children: (data: Data) => ReactNode;
  empty?: (data: Data) => boolean;
  nothing?: ReactNode;
  /** How many grey lines stand in while waiting, or what stands in. */
  bones?: number | ReactNode;
}) {
  const { data, error } = question;
  if (data === undefined) {
    if (error) return <Failed why={explain(error)} again={question.refetch} />;
    return typeof bones === 'number' ? <Bones lines={bones} /> : bones;
  }
  return (
    <>
      {error && <Outdated why={explain(error)} again={question.refetch} />}
      {empty?.(data) ? nothing : children(data)}
    </>
  );
}

/** Grey lines where content will be. */
export function Bones({ lines = 3, height = 34 }: { lines?: number; height?: number }) {
  return (
    <div className={classes.bones} role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines without any identity
        <span key={i} className={classes.bone} style={{ height, opacity: 1 - i / (lines + 2) }} />
      ))}
    </div>
  );
}

/** There is no answer. */
export function Failed({ why, again }: { why: string; again: () => void }) {
  return (
    <div className={classes.failed} role="alert">
      <IconAlertTriangle size={26} stroke={1.6} aria-hidden />
      <p>{why}</p>
      <Button size="xs" variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={again}>
        Try again
      </Button>
    </div>
  );
}

function Outdated({ why, again }: { why: string; again: () => void }) {
  return (
    <div className={classes.outdated} role="status">
      <IconAlertTriangle size={15} aria-hidden />
      <span>{why} This is what was known before.</span>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

/** Nothing is there, which is good or has a reason: say which, and what to do next. */
export function Nothing({
  icon,
  title,
  children,
  action,
}: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={classes.nothing}>
      {icon}
      <p className={classes.title}>{title}</p>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}
