import { Button } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { memo, useState } from 'react';
import { count, many } from '../../format/numbers';
import { Panel } from '../../ui/Panel';
import classes from './RequestLog.module.css';
import type { Line } from './simulation';

const glance = 40; // lines while they race by: nobody reads more, and drawing them all slows the run

/** The newest answers, newest first. Paused, it keeps what it shows while the run goes on. */
export function RequestLog({ lines, total, racing }: { lines: Line[]; total: number; racing: boolean }) {
  const [held, setHeld] = useState<{ lines: Line[]; total: number } | null>(null);
  const shown = held?.lines ?? (racing ? lines.slice(-glance) : lines);
  const missed = held ? total - held.total : 0;
  return (
    <Panel
      title="Requests"
      flush
      aside={
        <>
          <span>
            {held && missed > 0
              ? `${many(missed, 'answer')} since`
              : total > shown.length && `the newest ${count(shown.length)} of ${count(total)}`}
          </span>
          <Button
            size="compact-xs"
            variant="default"
            disabled={!held && lines.length === 0}
            leftSection={
              held ? <IconPlayerPlay size={13} aria-hidden /> : <IconPlayerPause size={13} aria-hidden />
            }
            onClick={() => setHeld(held ? null : { lines, total })}
          >
            {held ? 'Go on' : 'Pause'}
          </Button>
        </>
      }
    >
      {shown.length === 0 ? (
        <p className={classes.nothing}>Requests appear here as they are answered.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <ol className={classes.log} tabIndex={0} aria-label="Requests, newest first">
          {shown.toReversed().map((line) => (
            <One key={line.n} line={line} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

// Hundreds of them, of which a picture changes few.
const One = memo(function One({ line }: { line: Line }) {
  return (
    <li className={classes.line} data-refused={line.refused || undefined}>
      <span className={classes.at}>{(line.at / 1000).toFixed(2)} s</span>
      <span className={classes.address}>{line.address}</span>
      <span className={classes.asked}>
        {line.method} {line.path}
      </span>
      <span className={classes.status} data-class={Math.floor(line.status / 100)}>
        {line.status || 'no answer'}
        {line.refused && ' refused'}
      </span>
    </li>
  );
});
