import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { fieldProblem } from '../../api/explain';
import { useChange } from '../../api/useChange';
import type { Role } from '../../gql/schema';
import { TokenCreateDocument, type TokenCreateMutation } from '../../gql/TokenCreate';
import { Dialog } from './Dialog';
import { OneTime } from './OneTime';
import { said } from './problem';
import { RoleChoice } from './RoleChoice';
import classes from './SettingsPage.module.css';

const spans = [
  { value: '30d', label: '30 days' },
  { value: '90d', label: '90 days' },
  { value: '365d', label: 'a year' },
  { value: '', label: 'until it is revoked' },
];

/** Makes a token, and shows its secret this once. */
export function CreateToken({
  opened,
  onClose,
  onCreated,
}: {
  opened: boolean;
  onClose: () => void;
  onCreated: () => void;
}) {
  const [created, setCreated] = useState<TokenCreateMutation['createToken']>();
  const close = () => {
    setCreated(undefined);
    onClose();
  };
  return (
    <Dialog
      opened={opened}
      title={created ? `The token ${created.token.name} is ready` : 'Create an API token'}
      held={created !== undefined}
      onClose={close}
    >
      {created ? (
        <OneTime label="Secret" value={created.secret} verb="Copy secret" onDone={close}>
          <p>
            Copy it now: it is kept nowhere and can’t be shown again. Programs send it as{' '}
            <code>Authorization: Bearer …</code> to the console, bouncers as <code>X-Api-Key</code> to the
            service listener.
          </p>
        </OneTime>
      ) : (
        <Form
          onClose={close}
          onCreated={(result) => {
            setCreated(result);
            onCreated();
          }}
        />
      )}
    </Dialog>
  );
}

function Form({
  onClose,
  onCreated,
}: {
  onClose: () => void;
  onCreated: (result: TokenCreateMutation['createToken']) => void;
}) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('VIEWER');
  const [duration, setDuration] = useState('90d');
  const [problems, setProblems] = useState<{ name?: string; all?: string }>({});
  const { run, busy } = useChange(TokenCreateDocument, { quietly: true });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return setProblems({ name: 'Which program is it for?' });
    setProblems({});
    const { data, error } = await run({ input: { name: name.trim(), role, duration: duration || null } });
    if (data) return onCreated(data.createToken);
    const about = fieldProblem(error)?.field.endsWith('name');
    setProblems(about ? { name: said(error) } : { all: said(error) });
  };
  return (
    <form className={classes.form} onSubmit={(e) => void submit(e)} noValidate>
      <TextInput
        data-autofocus
        label="Name"
        description="Of the program that will use it, as nginx-bouncer."
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={64}
        value={name}
        error={problems.name}
        onChange={(e) => {
          setName(e.currentTarget.value);
          setProblems({});
        }}
      />
      <RoleChoice value={role} onChange={setRole} />
      <NativeSelect
        label="Good for"
        data={spans}
        value={duration}
        onChange={(e) => setDuration(e.currentTarget.value)}
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
          Create token
        </Button>
      </div>
    </form>
  );
}
