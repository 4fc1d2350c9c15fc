import { Button, PasswordInput } from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import { fieldProblem } from '../../api/explain';
import { useOperator, useOwnSession } from '../../api/operator';
import { useChange } from '../../api/useChange';
import { PasswordChangeDocument } from '../../gql/PasswordChange';
import { NewPassword } from '../../ui/NewPassword';
import { Panel } from '../../ui/Panel';
import { rulesFor } from '../../ui/passwordRules';
import { said } from './problem';
import classes from './SettingsPage.module.css';

/** One's own password. Changing it ends every session, so it is followed by a sign-in. */
export function PasswordPanel() {
  const operator = useOperator();
  const session = useOwnSession();
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [problems, setProblems] = useState<{ old?: string; next?: string; all?: string }>({});
  const { run, busy } = useChange(PasswordChangeDocument, { quietly: true });
  const oldField = useRef<HTMLInputElement>(null);
  const nextField = useRef<HTMLInputElement>(null);
  const name = operator?.name ?? '';

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!old) {
      setProblems({ old: 'Your present password is needed.' });
      return oldField.current?.focus();
    }
    const rule = rulesFor(name, next).find((r) => !r.kept);
    if (rule) {
      setProblems({ next: rule.broken });
      return nextField.current?.focus();
    }
    setProblems({});
    const { error } = await run({ old, new: next });
    if (!error) return session.end('chosen');
    const field = fieldProblem(error)?.field;
    setProblems({ [field === 'old' ? 'old' : field === 'new' ? 'next' : 'all']: said(error) });
  };

  return (
    <section id="password">
      <Panel title="Your password">
        <form className={classes.password} onSubmit={(e) => void submit(e)} noValidate>
          {/* So that a password manager knows whose password it changes. */}
          <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
          <PasswordInput
            ref={oldField}
            label="Present password"
            classNames={{ label: classes.label ?? '' }}
            name="password"
            autoComplete="current-password"
            maxLength={128}
            value={old}
            error={problems.old}
            visibilityToggleButtonProps={{ 'aria-label': 'Show the present password' }}
            onChange={(e) => {
              setOld(e.currentTarget.value);
              setProblems({});
            }}
          />
          <NewPassword
            ref={nextField}
            label="New password"
            name={name}
            value={next}
            problem={problems.next}
            onChange={(value) => {
              setNext(value);
              setProblems({});
            }}
          />
          {problems.all && (
            <p className={classes.problem} role="alert">
              {problems.all}
            </p>
          )}
          <div className={classes.change}>
            <Button type="submit" variant="default" loading={busy}>
              Change password
            </Button>
            <p className={classes.dim}>
              All your sessions end, also this one: sign in again with the new one.
            </p>
          </div>
        </form>
      </Panel>
    </section>
  );
}
