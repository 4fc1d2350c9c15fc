import { Button, TextInput } from '@mantine/core';
import { IconInfoCircle, IconLinkOff } from '@tabler/icons-react';
import { type FormEvent, useRef, useState } from 'react';
import { Link } from 'wouter';
import type { Refusal, Session } from '../../api/session';
import { Nothing } from '../../ui/Answer';
import { NewPassword } from '../../ui/NewPassword';
import { rulesFor } from '../../ui/passwordRules';
import classes from './Form.module.css';
import { Frame } from './Frame';
import { useWait } from './useWait';

/** Where a one-time link leads: makes the first admin, or chooses the password of an invited operator. */
export function SetupPage({
  session,
  link,
  signedIn,
  onDone,
}: {
  session: Session;
  /** Undefined when the address held none. */
  link: { token: string; name: string } | undefined;
  /** Who is signed in in this browser now. */
  signedIn: string | undefined;
  onDone: () => void;
}) {
  const [spent, setSpent] = useState<string>();
  if (!link || spent === link.token) return <NoLink spent={link !== undefined} signedIn={signedIn} />;
  return (
    <Claim
      key={link.token}
      session={session}
      link={link}
      signedIn={signedIn}
      onDone={onDone}
      onSpent={() => setSpent(link.token)}
    />
  );
}

function Claim({
  session,
  link,
  signedIn,
  onDone,
  onSpent,
}: {
  session: Session;
  link: { token: string; name: string };
  signedIn: string | undefined;
  onDone: () => void;
  onSpent: () => void;
}) {
  const invited = link.name !== '';
  const [name, setName] = useState(link.name);
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [problems, setProblems] = useState<{ name?: string; password?: string; all?: string }>({});
  const nameField = useRef<HTMLInputElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  const wait = useWait();

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy || wait.left) return;
    const who = name.trim();
    if (!shape.test(who)) {
      setProblems({ name: 'Use 2 to 64 letters, digits and . _ @ + -' });
      return nameField.current?.focus();
    }
    const rule = rulesFor(who, password).find((r) => !r.kept);
    if (rule) {
      setProblems({ password: rule.broken });
      return passwordField.current?.focus();
    }
    setBusy(true);
    setProblems({});
    const refusal = await session.setUp(link.token, who, password);
    setBusy(false);
    if (!refusal) return onDone();
    if (refusal.wait) wait.begin(refusal.wait);
    if (refusal.field === 'name' || refusal.field === 'password') {
      setProblems({ [refusal.field]: inWords(refusal) });
      (refusal.field === 'name' ? nameField : passwordField).current?.focus();
    } else if (refusal.status === 403) onSpent();
    else if (!refusal.wait) setProblems({ all: inWords(refusal) });
  };
  const said = wait.left ? `Too many attempts. Try again in ${wait.left}.` : problems.all;

  return (
    <Frame title={invited ? 'Choose your password' : 'Welcome to Sentinel'}>
      <p className={classes.lead}>
        {invited
          ? 'You were invited to this console. The link is good once.'
          : 'Choose the name and the password that you will sign in with.'}
      </p>
      {signedIn && (
        <p className={classes.notice} data-mood="warn">
          <IconInfoCircle size={17} aria-hidden />
          <span>You are signed in as {signedIn}. Going on signs you out in this browser.</span>
        </p>
      )}
      <form className={classes.form} onSubmit={(e) => void submit(e)} noValidate>
        <TextInput
          ref={nameField}
          name="username"
          label="Name"
          size="md"
          classNames={{ label: classes.label ?? '', input: classes.input ?? '' }}
          autoComplete="username"
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          maxLength={64}
          readOnly={invited}
          autoFocus={!invited}
          value={name}
          error={problems.name}
          onChange={(e) => {
            setName(e.currentTarget.value);
            setProblems({});
          }}
        />
        <NewPassword
          ref={passwordField}
          label="Password"
          size="md"
          name={name.trim()}
          value={password}
          problem={problems.password}
          onChange={(next) => {
            setPassword(next);
            setProblems({});
          }}
        />
        <p className={classes.said} aria-live="polite">
          {said && <span className={classes.problem}>{said}</span>}
        </p>
        <Button type="submit" size="md" fullWidth loading={busy} disabled={wait.left !== ''}>
          {invited ? 'Set password and sign in' : 'Create account'}
        </Button>
      </form>
    </Frame>
  );
}

const shape = /^[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}$/;

function inWords({ problem, field }: Refusal): string {
  const text = field && problem.startsWith(`${field} `) ? problem.slice(field.length + 1) : problem;
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** The link is missing, or good no more. */
function NoLink({ spent, signedIn }: { spent: boolean; signedIn: string | undefined }) {
  return (
    <Frame title={spent ? 'This link is good no more' : 'The link is missing'}>
      <Nothing
        icon={<IconLinkOff size={30} stroke={1.5} aria-hidden />}
        title={
          spent
            ? 'It was used, or it is older than 24 hours'
            : 'This page needs the whole link you were given'
        }
        action={<Link href="/">{signedIn ? 'To the console' : 'To the sign-in'}</Link>}
      >
        {spent
          ? 'If you have chosen a password with it, sign in. Otherwise ask an admin for another link; for the first admin, starting the server again prints one.'
          : 'Open it again: it leaves the address bar at once, so that nobody else can use it.'}
      </Nothing>
    </Frame>
  );
}
