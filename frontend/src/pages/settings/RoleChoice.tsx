import { useId } from 'react';
import type { Role } from '../../gql/schema';
import { roleAbout, roleLabel, roles } from '../../ui/roles';
import classes from './RoleChoice.module.css';

/** One of the roles, each with what it may do. */
export function RoleChoice({ value, onChange }: { value: Role; onChange: (role: Role) => void }) {
  const id = useId();
  return (
    <fieldset className={classes.roles}>
      <legend>Role</legend>
      {roles.map((role) => (
        <label key={role} className={classes.role}>
          <input type="radio" name={id} checked={value === role} onChange={() => onChange(role)} />
          <span>
            <strong>{roleLabel(role)}</strong>
            <span>{roleAbout(role)}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
