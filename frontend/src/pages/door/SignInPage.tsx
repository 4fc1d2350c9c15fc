import { Button, PasswordInput, TextInput } from '@mantine/core';
import { IconArrowBigUpLine, IconCircleCheck, IconInfoCircle } from '@tabler/icons-react';
import { type FormEvent, useRef, useState } from 'react';
import type { Refusal, Session, Why } from '../../api/session';
import { useCapsLock } from '../../ui/useCapsLock';
import classes from './Form.module.css';
import { Frame } from './Frame';
import { useWait } from './useWait';

/** Asks who is there. Signing in opens what the address says. */
export function SignInPage({
  session,
  why,
  setup = false,
}: {
  session: Session;
  why?: Why | undefined;
  /** There is no admin yet. */
  setup?: boolean;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const [wrong, setWrong] = useState(false);
  const caps = useCapsLock();
  const wait = useWait();
  const password = useRef<HTMLInputElement>(null);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy || wait.left) return;
    const said = new FormData(event.currentTarget); // also what a password manager has filled in unheard
    const [name, secret] = [String(said.get('username')).trim(), String(said.get('password'))];
    if (!name || !secret) {
      setProblem('Both are needed.');
      event.currentTarget
        .querySelector<HTMLInputElement>(name ? '[name=password]' : '[name=username]')
        ?.focus();
      return;
    }
    setBusy(true);
    const refusal = await session.signIn(name, secret);
    if (!refusal) return; // the page is left
    setBusy(false);
    if (refusal.wait) wait.begin(refusal.wait);
    setProblem(sentence(refusal));
    setWrong(refusal.status === 401);
    password.current?.select();
  };
  const changed = () => {
    setProblem('');
    setWrong(false);
  };
  const said = wait.left ? `Too many attempts. Try again in ${wait.left}.` : problem;

  return (
    <Frame title="Sign in" foot={<Help setup={setup} />}>
      <Notice why={why} setup={setup} />
      <form className={classes.form} onSubmit={(e) => void submit(e)} noValidate>
        <TextInput
          name="username"
          label="Name"
          size="md"
          classNames={{ label: classes.label ?? '', input: classes.input ?? '' }}
          autoComplete="username"
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          maxLength={64}
          autoFocus
          aria-invalid={wrong || undefined}
          onChange={changed}
        />
        <PasswordInput
          ref={password}
          name="password"
          label="Password"
          size="md"
          classNames={{ label: classes.label ?? '', input: classes.input ?? '' }}
          autoComplete="current-password"
          maxLength={128}
          aria-invalid={wrong || undefined}
          aria-describedby="door-said"
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
          onChange={changed}
          {...caps.listen}
        />
        <p id="door-said" className={classes.said} aria-live="polite">
          {said ? (
            <span className={classes.problem}>
              {said}
              {caps.on && wrong && ' Caps Lock is on.'}
            </span>
          ) : (
            caps.on && (
              <span className={classes.hint}>
                <IconArrowBigUpLine size={16} aria-hidden />
                Caps Lock is on.
              </span>
            )
          )}
        </p>
        <Button type="submit" size="md" fullWidth loading={busy} disabled={wait.left !== ''}>
          Sign in
        </Button>
      </form>
    </Frame>
  );
}

/** Never says which of the two was wrong. */
function sentence(refusal: Refusal): string {
  if (refusal.status === 401 || refusal.status === 400) return 'The name or the password is wrong.';
  if (refusal.status === 429) return 'Too many attempts. Try again in a moment.';
  if (refusal.status === 503) return 'Too many are signing in at once. Try again.';
  return refusal.problem;
}

function Notice({ why, setup }: { why: Why | undefined; setup: boolean }) {
  if (setup)
    return (
      <p className={classes.notice} data-mood="warn">
        <IconInfoCircle size={17} aria-hidden />
        <span>There is no admin yet. Open the link that the server printed when it started.</span>
      </p>
    );
  if (!why) return null;
  const good = why === 'chosen';
  return (
    <p className={classes.notice} data-mood={good ? 'good' : undefined} role="status">
      {good ? <IconCircleCheck size={17} aria-hidden /> : <IconInfoCircle size={17} aria-hidden />}
      <span>{notices[why]}</span>
    </p>
  );
}

const notices: Record<Why, string> = {
  left: 'You have signed out.',
  ended: 'You were signed out. Sign in, and you are back where you were.',
  chosen: 'Your new password is in force. Sign in with it.',
};

function Help({ setup }: { setup: boolean }) {
  return (
    <details className={classes.help} open={setup}>
      <summary>{setup ? 'Where is that link?' : 'No way in?'}</summary>
      {setup ? (
        <p>
          In the log of <code>sentinel serve</code>. It is good for 24 hours; each start prints a new one
          until there is an admin.
        </p>
      ) : (
        <p>
          Whoever works on the server sets a new password with <code>sentinel operator passwd NAME</code>. An
          admin can also remove you under Settings and add you again: that makes a new link.
        </p>
      )}
    </details>
  );
}
