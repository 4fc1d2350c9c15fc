import { Radio } from '@mantine/core';
import { useCallback } from 'react';
import { useChange } from '../api/useChange';
import { many } from '../format/numbers';
import { ResolveAlertsDocument } from '../gql/ResolveAlerts';
import classes from './ResolveAlerts.module.css';
import { toast } from './toasts';

const most = 500; // that the server takes at once

/**
 * Closes alerts, and lifts what they led to when asked. The answer of `resolve` is the error, to be shown
 * beside the button that was pressed; undefined when it is done.
 */
export function useResolve() {
  const { run, busy } = useChange(ResolveAlertsDocument, { quietly: true });
  const resolve = useCallback(
    async (ids: string[], lift: boolean) => {
      for (let from = 0; from < ids.length; from += most) {
        const { error } = await run({ ids: ids.slice(from, from + most), lift });
        if (error) return error;
      }
      const what = ids.length === 1 ? 'The alert is resolved' : `${many(ids.length, 'alert')} are resolved`;
      toast.done(
        lift
          ? `${what}, and what they led to is lifted.`.replace('they', ids.length === 1 ? 'it' : 'they')
          : `${what}.`,
      );
      return undefined;
    },
    [run],
  );
  return { resolve, busy };
}

/** Asks what becomes of the blocks that alerts led to when they are resolved. */
export function LiftChoice({
  blocks,
  lift,
  onChange,
}: {
  /** How many are in force. */
  blocks: number;
  lift: boolean;
  onChange: (lift: boolean) => void;
}) {
  const [it, ends] = blocks === 1 ? ['block', 'it ends'] : ['blocks', 'they end'];
  return (
    <Radio.Group
      value={lift ? 'lift' : 'keep'}
      onChange={(value) => onChange(value === 'lift')}
      label={`${many(blocks, 'block')} ${blocks === 1 ? 'is' : 'are'} in force because of this`}
      classNames={{ label: classes.label ?? '' }}
    >
      <div className={classes.choices}>
        <Radio
          value="keep"
          label={`Keep the ${it}: ${ends} on time, or when you lift ${blocks === 1 ? 'it' : 'them'}`}
        />
        <Radio value="lift" label={`Lift the ${it} as well: it was a false alarm, or it is dealt with`} />
      </div>
    </Radio.Group>
  );
}
