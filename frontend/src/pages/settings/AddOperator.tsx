import { Button, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { fieldProblem } from '../../api/explain';
import { useChange } from '../../api/useChange';
import { OperatorAddDocument, type OperatorAddMutation } from '../../gql/OperatorAdd';
import type { Role } from '../../gql/schema';
import { roleLabel } from '../../ui/roles';
import { Dialog } from './Dialog';
import { OneTime } from './OneTime';
import { said } from './problem';
import { RoleChoice } from './RoleChoice';
import classes from './SettingsPage.module.css';

/** Invites somebody: makes the operator, and shows the link that lets him choose a password. */
export function AddOperator({
  opened,
  onClose,
  onAdded,
}: {
  opened: boolean;
  onClose: () => void;
  onAdded: () => void;
}) {
  const [added, setAdded] = useState<OperatorAddMutation['addOperator']>();
  const close = () => {
    setAdded(undefined);
    onClose();
  };
  return (
    <Dialog
      opened={opened}
      title={added ? `${added.operator.name} can come in` : 'Add an operator'}
      held={added !== undefined}
      onClose={close}
    >
      {added ? (
        <OneTime label="Link" value={added.link} verb="Copy link" onDone={close}>
          <p>
            Send this link to {added.operator.name}, {article(added.operator.role)}. It lets whoever opens it
            choose the password: it is good once, for 24 hours, and is shown only now.
          </p>
        </OneTime>
      ) : (
        <Form
          onClose={close}
          onAdded={(result) => {
            setAdded(result);
            onAdded();
          }}
        />
      )}
    </Dialog>
  );
}

function article(role: Role): string {
  return `${role === 'VIEWER' ? 'a' : 'an'} ${roleLabel(role).toLowerCase()}`;
}

function Form({
  onClose,
  onAdded,
}: {
  onClose: () => void;
  onAdded: (result: OperatorAddMutation['addOperator']) => void;
}) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('ANALYST');
  const [problems, setProblems] = useState<{ name?: string; all?: string }>({});
  const { run, busy } = useChange(OperatorAddDocument, { quietly: true });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return setProblems({ name: 'Who is it?' });
    setProblems({});
    const { data, error } = await run({ input: { name: name.trim(), role } });
    if (data) return onAdded(data.addOperator);
    const about = fieldProblem(error)?.field.endsWith('name');
    setProblems(about ? { name: said(error) } : { all: said(error) });
  };
  return (
    <form className={classes.form} onSubmit={(e) => void submit(e)} noValidate>
      <TextInput
        data-autofocus
        label="Name"
        description="2 to 64 letters, digits and . _ @ + -"
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
          Add and make a link
        </Button>
      </div>
    </form>
  );
}
