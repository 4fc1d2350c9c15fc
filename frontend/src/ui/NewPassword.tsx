import { PasswordInput } from '@mantine/core';
import { IconArrowBigUpLine, IconCircle, IconCircleCheckFilled, IconInfoCircle } from '@tabler/icons-react';
import { type Ref, useId } from 'react';
import classes from './NewPassword.module.css';
import { rulesFor } from './passwordRules';
import { useCapsLock } from './useCapsLock';

/** Where somebody chooses a password: what is asked of it stands there before anything is typed. */
export function NewPassword({
  label,
  name,
  value,
  problem,
  size = 'sm',
  ref,
  onChange,
}: {
  label: string;
  /** Of the operator, which it must not contain. */
  name: string;
  value: string;
  /** What the server says against it. */
  problem?: string | undefined;
  size?: 'sm' | 'md';
  ref?: Ref<HTMLInputElement>;
  onChange: (value: string) => void;
}) {
  const id = useId();
  const caps = useCapsLock();
  return (
    <div>
      <PasswordInput
        ref={ref}
        name="new-password"
        label={label}
        size={size}
        classNames={{ label: classes.label ?? '', input: classes.input ?? '' }}
        autoComplete="new-password"
        maxLength={512} // of which the server refuses what is too long, rather than being given less
        value={value}
        error={problem}
        aria-describedby={id}
        visibilityToggleButtonProps={{ 'aria-label': `Show the ${label.toLowerCase()}` }}
        onChange={(e) => onChange(e.currentTarget.value)}
        {...caps.listen}
      />
      <div id={id} className={classes.rules}>
        <ul>
          {rulesFor(name, value).map(({ text, kept }) => (
            <li key={text} data-kept={kept || undefined}>
              {kept ? <IconCircleCheckFilled size={15} aria-hidden /> : <IconCircle size={15} aria-hidden />}
              {text}
              {kept && <span className="only-heard"> (kept)</span>}
            </li>
          ))}
          <li>
            {caps.on ? (
              <>
                <IconArrowBigUpLine size={15} aria-hidden />
                <strong>Caps Lock is on</strong>
              </>
            ) : (
              <>
                <IconInfoCircle size={15} aria-hidden />
                Well-known ones, as password1234, are refused
              </>
            )}
          </li>
        </ul>
        <p>Four words that have nothing to do with each other are strong and easy to remember.</p>
      </div>
    </div>
  );
}
