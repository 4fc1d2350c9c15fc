import { Button, NativeSelect, Radio, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { explain, fieldProblem } from '../../api/explain';
import { useChange } from '../../api/useChange';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import { AlertsBlockDocument } from '../../gql/AlertsBlock';
import { AlertsMonitorDocument } from '../../gql/AlertsMonitor';
import { toast } from '../../ui/toasts';
import classes from './AlertActions.module.css';
import { when } from './outcome';
import { useLiftAgain } from './usePlaceAgain';

const durations = [
  { value: '15m', label: '15 minutes' },
  { value: '1h', label: '1 hour' },
  { value: '24h', label: '24 hours' },
  { value: '7d', label: '7 days' },
  { value: '30d', label: '30 days' },
  { value: '', label: 'Until lifted' },
];

const words = {
  block: {
    verb: 'Block',
    about: 'Every request is refused with 403 from the next one on.',
    done: 'is blocked',
    duration: '1h',
  },
  monitor: {
    verb: 'Monitor',
    about: 'It goes on as before, but every exchange is marked so that you can watch it.',
    done: 'is watched',
    duration: '24h',
  },
};

/** Places a decision about an alert's client. What the server refuses stands beside its field. */
export function DecideForm({
  kind,
  alert,
  onClose,
  onChanged,
}: {
  kind: 'block' | 'monitor';
  alert: AlertDetailFragment;
  onClose: () => void;
  onChanged: () => void;
}) {
  const block = useChange(AlertsBlockDocument, { quietly: true });
  const monitor = useChange(AlertsMonitorDocument, { quietly: true });
  const targets = targetsOf(alert);
  const [target, setTarget] = useState(targets[0]?.value ?? alert.client);
  const [duration, setDuration] = useState(words[kind].duration);
  const [reason, setReason] = useState(`Alert: ${alert.title}`);
  const [problems, setProblems] = useState<Problems>({});
  const liftAgain = useLiftAgain(onChanged);
  const { verb, about, done } = words[kind];
  const busy = block.busy || monitor.busy;

  const place = async (event: FormEvent) => {
    event.preventDefault();
    setProblems({});
    const input = { target, reason: reason.trim(), duration: duration || null };
    const { data, error } = await (kind === 'block' ? block : monitor).run({ input });
    if (error) {
      const field = fieldProblem(error)?.field.split('.').at(-1) ?? '';
      const known = (field === 'target' && targets.length > 1) || field === 'reason' || field === 'duration';
      return setProblems({ [known ? field : 'other']: explain(error) });
    }
    const decision = 'block' in data ? data.block : data.monitor;
    const renewed = alert.decisions.some((d) => d.id === decision.id);
    toast.done(
      `${decision.target.label} ${done} ${decision.until ? `until ${when(decision.until)}` : 'until lifted'}.`,
      renewed ? undefined : liftAgain(decision.id, decision.target.label),
    );
    onClose();
    onChanged();
  };

  return (
    <form onSubmit={place} aria-label={`${verb} this client`} className={classes.fields}>
      <p className={classes.about}>{about}</p>
      {targets.length > 1 && (
        <Radio.Group label="Whom" value={target} onChange={setTarget} error={problems.target}>
          <div className={classes.durations}>
            {targets.map((t) => (
              <Radio key={t.value} value={t.value} label={<span className="mono">{t.label}</span>} />
            ))}
          </div>
        </Radio.Group>
      )}
      <NativeSelect
        label="How long"
        size="xs"
        data={durations}
        value={duration}
        onChange={(e) => setDuration(e.currentTarget.value)}
        error={problems.duration}
      />
      <TextInput
        label="Reason"
        description="Others read it in the receipt and in the audit log."
        size="xs"
        maxLength={500}
        value={reason}
        onChange={(e) => setReason(e.currentTarget.value)}
        error={problems.reason}
        data-autofocus
      />
      {problems.other && (
        <p className={classes.problem} role="alert">
          {problems.other}
        </p>
      )}
      <div className={classes.ends}>
        <Button type="submit" size="xs" loading={busy}>
          {verb} {target}
        </Button>
        <Button size="xs" variant="subtle" color="gray" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

type Problems = Partial<Record<'target' | 'reason' | 'duration' | 'other', string>>;

/** Whom a decision may name: whom the rule counted, and the very address when that is narrower. */
function targetsOf(alert: AlertDetailFragment): { value: string; label: string }[] {
  const { network, label } = alert.actor;
  const targets = network ? [{ value: network, label }] : [];
  if (label !== alert.client) targets.push({ value: alert.client, label: alert.client });
  return targets;
}
