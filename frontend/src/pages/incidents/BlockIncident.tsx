import { Button } from '@mantine/core';
import { IconArrowBackUp, IconBan } from '@tabler/icons-react';
import { useState } from 'react';
import { explain } from '../../api/explain';
import { useChange } from '../../api/useChange';
import { many } from '../../format/numbers';
import { BlockIncidentDocument } from '../../gql/BlockIncident';
import { UndoIncidentDocument } from '../../gql/UndoIncident';
import { Confirm } from '../../ui/Confirm';
import { toast } from '../../ui/toasts';
import classes from './ResolveIncident.module.css';

const forHours = 24;

/** Blocks all that take part in an incident in one step, and undoes that. */
export function BlockIncident({
  incident,
  sources,
  onChanged,
}: {
  incident: string;
  /** How many take part. */
  sources: number;
  onChanged: () => void;
}) {
  const [asked, setAsked] = useState<'block' | 'undo'>();
  const [problem, setProblem] = useState('');
  const block = useChange(BlockIncidentDocument, { quietly: true });
  const undo = useChange(UndoIncidentDocument, { quietly: true });
  const ask = (what: 'block' | 'undo') => {
    setProblem('');
    setAsked(what);
  };
  const lift = async () => {
    const { data, error } = await undo.run({ id: incident });
    if (error) return setProblem(explain(error));
    toast.done(`${many(data?.undoIncident.liftedCount ?? 0, 'block')} lifted.`);
    setAsked(undefined);
    onChanged();
  };
  const place = async () => {
    const { data, error } = await block.run({ id: incident, duration: `${forHours}h` });
    if (error) return setProblem(explain(error));
    const done = data?.blockIncident;
    toast.done(
      `${many(done?.blockedCount ?? 0, 'source')} blocked for ${forHours} hours, ${done?.sparedCount ?? 0} spared.`,
      () => void lift(),
    );
    setAsked(undefined);
    onChanged();
  };
  return (
    <div className={classes.actions}>
      <Button
        size="xs"
        color="red"
        variant="light"
        leftSection={<IconBan size={15} aria-hidden />}
        onClick={() => ask('block')}
      >
        Block all…
      </Button>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconArrowBackUp size={15} aria-hidden />}
        onClick={() => ask('undo')}
      >
        Undo the block…
      </Button>
      <Confirm
        opened={asked !== undefined}
        title={asked === 'undo' ? 'Lift what was blocked here?' : `Block ${many(sources, 'source')}?`}
        verb={asked === 'undo' ? 'Lift' : 'Block'}
        danger={asked === 'block'}
        busy={block.busy || undo.busy}
        onConfirm={() => void (asked === 'undo' ? lift() : place())}
        onClose={() => setAsked(undefined)}
      >
        <p className={classes.about}>
          {asked === 'undo'
            ? 'Every block that was made for this incident ends. What was blocked otherwise stays blocked.'
            : `For ${forHours} hours. Who is never blocked, or allowed by an operator, stays free. It is undone in one step.`}
        </p>
        {problem && (
          <p className={classes.problem} role="alert">
            {problem}
          </p>
        )}
      </Confirm>
    </div>
  );
}
