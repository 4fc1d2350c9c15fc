import { Button } from '@mantine/core';
import { IconBan, IconCheck, IconEye } from '@tabler/icons-react';
import { type KeyboardEvent, useRef, useState } from 'react';
import { explain } from '../../api/explain';
import { useMay } from '../../api/operator';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import { blocks } from '../../ui/decisions';
import { LiftChoice, useResolve } from '../../ui/ResolveAlerts';
import { Time } from '../../ui/Time';
import classes from './AlertActions.module.css';
import { DecideForm } from './DecideForm';

type Form = 'resolve' | 'block' | 'monitor';

/** What can be done about an alert. A form opens below the buttons, so that the evidence stays in sight. */
export function AlertActions({ alert, onChanged }: { alert: AlertDetailFragment; onChanged: () => void }) {
  const may = useMay();
  const [form, setForm] = useState<Form>();
  const [lift, setLift] = useState(false);
  const [problem, setProblem] = useState('');
  const { resolve, busy } = useResolve();
  const buttons = useRef<HTMLDivElement>(null);
  const isOpen = alert.status === 'OPEN';
  const blocked = blocks(alert.decision);

  const toggle = (next: Form) => {
    setProblem('');
    setLift(false);
    setForm(form === next ? undefined : next);
  };
  const close = () => {
    const button = buttons.current?.querySelector<HTMLElement>(`[data-form="${form}"]`);
    setForm(undefined);
    (button ?? buttons.current)?.focus();
  };
  const close_ = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    event.preventDefault(); // closes the form, not what it stands in
    close();
  };
  const finish = async () => {
    setProblem('');
    const error = await resolve([alert.id], blocked && lift);
    if (error) return setProblem(explain(error));
    close();
    onChanged();
  };

  if (!may.act && isOpen) return null;
  return (
    <div className={classes.actions}>
      <div ref={buttons} className={classes.buttons} tabIndex={-1}>
        {isOpen ? (
          <Button
            size="xs"
            leftSection={<IconCheck size={15} aria-hidden />}
            loading={busy && form !== 'resolve'}
            aria-expanded={blocked ? form === 'resolve' : undefined}
            data-form="resolve"
            onClick={() => (blocked ? toggle('resolve') : void finish())}
          >
            {blocked ? 'Resolve…' : 'Resolve'}
          </Button>
        ) : (
          <p className={classes.resolved}>
            <IconCheck size={15} stroke={2.2} aria-hidden /> Resolved
            {alert.resolvedAt && (
              <>
                {' '}
                <Time at={alert.resolvedAt} />
              </>
            )}
            {alert.resolvedBy && <> by {alert.resolvedBy}</>}
          </p>
        )}
        {may.act && (
          <>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconBan size={15} aria-hidden />}
              aria-expanded={form === 'block'}
              data-form="block"
              onClick={() => toggle('block')}
            >
              Block…
            </Button>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconEye size={15} aria-hidden />}
              aria-expanded={form === 'monitor'}
              data-form="monitor"
              onClick={() => toggle('monitor')}
            >
              Monitor…
            </Button>
          </>
        )}
      </div>
      {problem && (
        <p className={classes.problem} role="alert">
          {problem}
        </p>
      )}
      {form === 'resolve' && (
        // biome-ignore lint/a11y/noStaticElementInteractions: only hears Escape from what is inside
        <div className={classes.form} onKeyDown={close_}>
          <LiftChoice blocks={1} lift={lift} onChange={setLift} />
          <div className={classes.ends}>
            <Button size="xs" loading={busy} onClick={finish}>
              {lift ? 'Resolve and lift' : 'Resolve'}
            </Button>
            <Button size="xs" variant="subtle" color="gray" onClick={close}>
              Cancel
            </Button>
          </div>
        </div>
      )}
      {(form === 'block' || form === 'monitor') && (
        // biome-ignore lint/a11y/noStaticElementInteractions: only hears Escape from what is inside
        <div className={classes.form} onKeyDown={close_}>
          <DecideForm key={form} kind={form} alert={alert} onClose={close} onChanged={onChanged} />
        </div>
      )}
    </div>
  );
}
