import { Button } from '@mantine/core';
import { IconKey, IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useChange } from '../../api/useChange';
import { useQuery } from '../../api/useQuery';
import { SettingsTokensDocument } from '../../gql/SettingsTokens';
import { TokenRevokeDocument } from '../../gql/TokenRevoke';
import type { TokenRowFragment } from '../../gql/TokenRow';
import { Answer, Nothing } from '../../ui/Answer';
import { Confirm } from '../../ui/Confirm';
import { Panel } from '../../ui/Panel';
import { roleLabel } from '../../ui/roles';
import { type Column, Table } from '../../ui/Table';
import { Time } from '../../ui/Time';
import { toast } from '../../ui/toasts';
import { CreateToken } from './CreateToken';
import { said } from './problem';
import classes from './SettingsPage.module.css';

/** What lets programs in: bouncers, scripts, dashboards. */
export function TokensPanel() {
  const query = useQuery(SettingsTokensDocument);
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<TokenRowFragment>();
  const columns: Column<TokenRowFragment>[] = [
    {
      head: 'Name',
      cell: (t) => (
        <span className={classes.token}>
          <span className={classes.name}>{t.name}</span>
          <span className="mono">{t.prefix}…</span>
        </span>
      ),
    },
    { head: 'Role', width: '110px', cell: (t) => roleLabel(t.role) },
    {
      head: 'Last used',
      width: '150px',
      cell: (t) => (t.lastUsedAt ? <Time at={t.lastUsedAt} /> : <span className={classes.dim}>never</span>),
    },
    {
      head: 'Good until',
      width: '150px',
      cell: (t) =>
        t.expiresAt ? <Time at={t.expiresAt} /> : <span className={classes.dim}>it is revoked</span>,
    },
    {
      head: 'Revoke',
      width: '110px',
      align: 'right',
      cell: (t) => (
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          leftSection={<IconTrash size={14} aria-hidden />}
          aria-label={`Revoke ${t.name}`}
          onClick={() => setRevoking(t)}
        >
          Revoke
        </Button>
      ),
    },
  ];
  return (
    <Panel
      title="API tokens"
      flush
      aside={
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={15} stroke={2.2} aria-hidden />}
          onClick={() => setCreating(true)}
        >
          Create token
        </Button>
      }
    >
      <Answer
        of={query}
        empty={({ tokens }) => tokens.length === 0}
        nothing={
          <Nothing icon={<IconKey size={28} stroke={1.5} aria-hidden />} title="No program comes in">
            A token lets a bouncer fetch decisions, or a script ask and act, with a role of its own.
          </Nothing>
        }
      >
        {({ tokens }) => <Table label="API tokens" columns={columns} rows={tokens} keyOf={(t) => t.id} />}
      </Answer>
      <CreateToken opened={creating} onClose={() => setCreating(false)} onCreated={query.refetch} />
      <Revoke token={revoking} onClose={() => setRevoking(undefined)} onDone={query.refetch} />
    </Panel>
  );
}

function Revoke({
  token,
  onClose,
  onDone,
}: {
  token: TokenRowFragment | undefined;
  onClose: () => void;
  onDone: () => void;
}) {
  const { run, busy } = useChange(TokenRevokeDocument, { quietly: true });
  const [problem, setProblem] = useState('');
  const close = () => {
    setProblem('');
    onClose();
  };
  const confirm = async () => {
    if (!token) return;
    setProblem('');
    const { error } = await run({ id: token.id });
    if (error) return setProblem(said(error));
    toast.done(`The token ${token.name} is revoked.`);
    close();
    onDone();
  };
  return (
    <Confirm
      opened={token !== undefined}
      title={`Revoke the token ${token?.name ?? ''}?`}
      verb="Revoke"
      danger
      busy={busy}
      onConfirm={() => void confirm()}
      onClose={close}
    >
      <p>
        Whatever uses <span className="mono">{token?.prefix}…</span> is refused from the next request on. This
        can’t be undone: a new token has a new secret.
      </p>
      {problem && (
        <p className={classes.problem} role="alert">
          {problem}
        </p>
      )}
    </Confirm>
  );
}
