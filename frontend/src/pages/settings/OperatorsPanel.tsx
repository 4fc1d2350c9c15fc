import { Button, NativeSelect } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useChange } from '../../api/useChange';
import { useQuery } from '../../api/useQuery';
import { OperatorRemoveDocument } from '../../gql/OperatorRemove';
import type { OperatorRowFragment } from '../../gql/OperatorRow';
import { OperatorSetRoleDocument } from '../../gql/OperatorSetRole';
import { SettingsOperatorsDocument } from '../../gql/SettingsOperators';
import type { Role } from '../../gql/schema';
import { Answer } from '../../ui/Answer';
import { Confirm } from '../../ui/Confirm';
import { Panel } from '../../ui/Panel';
import { roleAbout, roleLabel, roles } from '../../ui/roles';
import { type Column, Table } from '../../ui/Table';
import { Time } from '../../ui/Time';
import { toast } from '../../ui/toasts';
import { AddOperator } from './AddOperator';
import { said } from './problem';
import classes from './SettingsPage.module.css';

type Asked = { who: OperatorRowFragment; role?: Role };

/** Who works here: to invite, give another role, or remove. Nobody does that to himself. */
export function OperatorsPanel() {
  const query = useQuery(SettingsOperatorsDocument);
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const columns: Column<OperatorRowFragment>[] = [
    {
      head: 'Name',
      cell: (o) => (
        <span className={classes.name}>
          {o.name}
          {o.you && <span className={classes.you}>you</span>}
        </span>
      ),
    },
    {
      head: 'Role',
      width: '170px',
      cell: (o) =>
        o.you ? (
          roleLabel(o.role)
        ) : (
          <NativeSelect
            size="xs"
            className={classes.select ?? ''}
            aria-label={`Role of ${o.name}`}
            data={roles.map((r) => ({ value: r, label: roleLabel(r) }))}
            value={o.role}
            onChange={(e) => setAsked({ who: o, role: e.currentTarget.value as Role })}
          />
        ),
    },
    {
      head: 'Last seen',
      width: '190px',
      cell: (o) =>
        o.lastSeenAt ? (
          <Time at={o.lastSeenAt} />
        ) : (
          <span className={classes.dim}>has not signed in yet</span>
        ),
    },
    { head: 'Added', width: '120px', cell: (o) => o.createdAt && <Time at={o.createdAt} /> },
    {
      head: 'Remove',
      width: '110px',
      align: 'right',
      cell: (o) =>
        !o.you && (
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            leftSection={<IconTrash size={14} aria-hidden />}
            aria-label={`Remove ${o.name}`}
            onClick={() => setAsked({ who: o })}
          >
            Remove
          </Button>
        ),
    },
  ];
  return (
    <Panel
      title="Operators"
      flush
      aside={
        <Button
          size="xs"
          leftSection={<IconPlus size={15} stroke={2.2} aria-hidden />}
          onClick={() => setAdding(true)}
        >
          Add operator
        </Button>
      }
    >
      <Answer of={query}>
        {({ operators }) => (
          <Table label="Operators" columns={columns} rows={operators} keyOf={(o) => o.id} />
        )}
      </Answer>
      <AddOperator opened={adding} onClose={() => setAdding(false)} onAdded={query.refetch} />
      <Ask asked={asked} onClose={() => setAsked(undefined)} onDone={query.refetch} />
    </Panel>
  );
}

/** Asks before somebody is removed, or loses or gains rights. */
function Ask({
  asked,
  onClose,
  onDone,
}: {
  asked: Asked | undefined;
  onClose: () => void;
  onDone: () => void;
}) {
  const setRole = useChange(OperatorSetRoleDocument, { quietly: true });
  const remove = useChange(OperatorRemoveDocument, { quietly: true });
  const [problem, setProblem] = useState('');
  const name = asked?.who.name ?? '';
  const role = asked?.role;
  const close = () => {
    setProblem('');
    onClose();
  };
  const confirm = async () => {
    if (!asked) return;
    setProblem('');
    const { error } = role
      ? await setRole.run({ id: asked.who.id, role })
      : await remove.run({ id: asked.who.id });
    if (error) return setProblem(said(error));
    toast.done(role ? `${name} has the role ${roleLabel(role).toLowerCase()} now.` : `${name} is removed.`);
    close();
    onDone();
  };
  return (
    <Confirm
      opened={asked !== undefined}
      title={role ? `Change the role of ${name}?` : `Remove ${name}?`}
      verb={role ? `Make ${role === 'VIEWER' ? 'a' : 'an'} ${roleLabel(role).toLowerCase()}` : 'Remove'}
      danger={!role}
      busy={setRole.busy || remove.busy}
      onConfirm={() => void confirm()}
      onClose={close}
    >
      {role ? (
        <p>
          {roleLabel(role)}: {roleAbout(role)} Open sessions of {name} end; the next sign-in has the new role.
        </p>
      ) : (
        <p>
          Sessions of {name} end at once. What {name} did stays in the audit log. Tokens stay: revoke them
          below if {name} knows any.
        </p>
      )}
      {problem && (
        <p className={classes.problem} role="alert">
          {problem}
        </p>
      )}
    </Confirm>
  );
}
