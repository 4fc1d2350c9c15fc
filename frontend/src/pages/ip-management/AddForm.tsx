import { Button, Modal, TextInput } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconBan, IconEye, IconShieldCheck } from '@tabler/icons-react';
import { type FormEvent, useId, useState } from 'react';
import { explain, fieldProblem } from '../../api/explain';
import { useQuery } from '../../api/useQuery';
import { readNetwork, size } from '../../format/network';
import { IpCoveringDocument } from '../../gql/IpCovering';
import type { IpRowFragment } from '../../gql/IpRow';
import { actionLabel } from '../../ui/ActionBadge';
import { Left } from '../../ui/Time';
import { toast } from '../../ui/toasts';
import classes from './AddForm.module.css';
import { type Placed, usePlace } from './usePlace';

const choices: { action: Placed; icon: typeof IconBan; name: string; about: string }[] = [
  { action: 'BLOCK', icon: IconBan, name: 'Block (blacklist)', about: 'Every request is refused with 403.' },
  {
    action: 'ALLOW',
    icon: IconShieldCheck,
    name: 'Allow (whitelist)',
    about: 'Passes; no rule fires. Lifts the blocks that rules made.',
  },
  { action: 'MONITOR', icon: IconEye, name: 'Monitor', about: 'Judged as anyone, and marked in the logs.' },
];

const durations = [
  { value: '15m', label: '15 min' },
  { value: '1h', label: '1 h' },
  { value: '24h', label: '24 h' },
  { value: '7d', label: '7 d' },
  { value: '30d', label: '30 d' },
  { value: '', label: 'Until lifted' },
];

const longestReason = 500;

const done: Record<Placed, string> = { BLOCK: 'is blocked', ALLOW: 'is allowed', MONITOR: 'is watched' };

/** Blocks, allows or monitors an address or a network. */
export function AddForm({
  opened,
  target,
  onClose,
  onAdded,
}: {
  opened: boolean;
  /** What the form begins with. */
  target: string;
  onClose: () => void;
  onAdded: (decision: IpRowFragment) => void;
}) {
  const phone = useMediaQuery('(max-width: 560px)', undefined, { getInitialValueInEffect: false });
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Add an address or a network"
      size="lg"
      fullScreen={phone ?? false}
      classNames={{ title: classes.title ?? '' }}
      attributes={{ header: { role: 'none' } }} // a header of the dialog, not of the page
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Form target={target} onClose={onClose} onAdded={onAdded} />
    </Modal>
  );
}

interface Problems {
  target?: string;
  reason?: string;
  duration?: string;
  /** Not about a field. */
  all?: string;
}

function Form({
  target: given,
  onClose,
  onAdded,
}: {
  target: string;
  onClose: () => void;
  onAdded: (decision: IpRowFragment) => void;
}) {
  const id = useId();
  const [text, setText] = useState(given);
  const [left, setLeft] = useState(given !== '');
  const [action, setAction] = useState<Placed>('BLOCK');
  const [reason, setReason] = useState('');
  const [duration, setDuration] = useState('24h');
  const [problems, setProblems] = useState<Problems>({});
  const [busy, setBusy] = useState(false);
  const { place, takeBack } = usePlace(() => {});

  const reading = readNetwork(text);
  const network = 'network' in reading ? reading.network : undefined;
  const everybody = network?.bits === 0 && action !== 'MONITOR';
  const wrong =
    'problem' in reading ? reading.problem : everybody ? 'This is everybody: choose a narrower network.' : '';
  const known = useQuery(IpCoveringDocument, { address: network?.first ?? '' }, { pause: !network?.single });
  const covering = network?.single ? (known.data?.decisions.edges.map((e) => e.node) ?? []) : [];

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setLeft(true);
    if (!network || everybody) return document.getElementById(`${id}-target`)?.focus();
    setBusy(true);
    setProblems({});
    const { data, error } = await place(action, {
      target: network.text,
      reason: reason.trim(),
      duration: duration || null,
    });
    setBusy(false);
    if (!data || error) {
      const found = error ? problemsOf(error) : { all: 'The server did not answer.' };
      setProblems(found);
      if (found.target) document.getElementById(`${id}-target`)?.focus();
      return;
    }
    const { decision } = data;
    const renewed =
      covering.some((d) => d.id === decision.id) || Date.parse(decision.from) < Date.now() - 60_000;
    toast.done(
      `${decision.target.label} ${done[action]}${duration ? '' : ' until that is lifted'}.`,
      renewed ? undefined : () => void takeBack(decision),
    );
    onAdded(decision);
  };

  return (
    <form className={classes.form} onSubmit={(e) => void submit(e)} noValidate>
      <div>
        <TextInput
          id={`${id}-target`}
          data-autofocus
          label="Address or network"
          placeholder="198.51.100.7, 198.51.100.0/24 or 2001:db8::/64"
          classNames={{ input: classes.target ?? '', label: classes.label ?? '' }}
          value={text}
          maxLength={64}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          error={problems.target ?? (left && wrong ? wrong : undefined)}
          aria-describedby={`${id}-covers`}
          onChange={(e) => {
            setText(e.currentTarget.value);
            setProblems({});
          }}
          onBlur={() => setLeft(text.trim() !== '')}
        />
        <div id={`${id}-covers`} className={classes.covers} aria-live="polite">
          {network && (
            <p>
              Covers <strong>{size(network)}</strong>
              {!network.single && (
                <>
                  , <span className="mono">{network.first}</span> to{' '}
                  <span className="mono">{network.last}</span>
                </>
              )}
              {network.version === 6 && network.single && '. Rules count its whole /64; this entry does not.'}
            </p>
          )}
          {'instead' in reading && reading.instead && (
            <p className={classes.instead}>
              Which one?
              {reading.instead.map((each) => (
                <Button key={each} size="compact-xs" variant="default" onClick={() => setText(each)}>
                  <span className="mono">{each}</span>
                </Button>
              ))}
            </p>
          )}
          {network && wide(network.version, network.bits) && action === 'BLOCK' && (
            <p className={classes.warning}>That is wide: many who mean well may be among them.</p>
          )}
          {covering.map((d) => (
            <p key={d.id}>
              In force now: {actionLabel(d.action).toLowerCase()}{' '}
              <span className="mono">{d.target.label}</span>, <Left until={d.until} />
              {d.action === 'ALLOW' && action === 'BLOCK' && '. Allow beats block: lift it first'}.
            </p>
          ))}
        </div>
      </div>

      <fieldset className={classes.field}>
        <legend>Action</legend>
        <div className={classes.actions}>
          {choices.map(({ action: a, icon: Icon, name, about }) => (
            <label key={a} className={classes.action} data-action={a}>
              <input
                type="radio"
                name={`${id}-action`}
                checked={action === a}
                onChange={() => setAction(a)}
              />
              <Icon size={18} stroke={1.8} aria-hidden />
              <span>
                <strong>{name}</strong>
                <span>{about}</span>
              </span>
            </label>
          ))}
        </div>
      </fieldset>

      <fieldset className={classes.field}>
        <legend>For how long</legend>
        <div className={classes.durations}>
          {durations.map((d) => (
            <label key={d.value} className={classes.duration}>
              <input
                type="radio"
                name={`${id}-duration`}
                checked={duration === d.value}
                onChange={() => setDuration(d.value)}
              />
              <span>{d.label}</span>
            </label>
          ))}
        </div>
        {problems.duration && (
          <p className={classes.problem} role="alert">
            {problems.duration}
          </p>
        )}
      </fieldset>

      <TextInput
        label="Reason"
        classNames={{ label: classes.label ?? '' }}
        description="Who reads the list later will want to know."
        placeholder="As “card testing, ticket 4711”"
        maxLength={longestReason}
        value={reason}
        error={problems.reason}
        onChange={(e) => setReason(e.currentTarget.value)}
      />

      {problems.all && (
        <p className={classes.problem} role="alert">
          {problems.all}
        </p>
      )}
      <div className={classes.end}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={busy}>
          {actionLabel(action)}
          {network && network.text.length <= 24 ? ` ${network.text}` : ''}
        </Button>
      </div>
    </form>
  );
}

/** More than a provider usually gives to one customer. */
function wide(version: 4 | 6, bits: number): boolean {
  return version === 4 ? bits < 20 : bits < 48;
}

function problemsOf(error: Parameters<typeof explain>[0]): Problems {
  const about = fieldProblem(error);
  const field = about?.field.replace(/^input\./, '');
  if (!about || (field !== 'target' && field !== 'reason' && field !== 'duration'))
    return { all: explain(error) };
  const words = about.problem.replace(/^(input\.)?(target|reason|duration) /, '').replace(/\.$/, '');
  return { [field]: `${words.charAt(0).toUpperCase()}${words.slice(1)}.` };
}
