import type { Role } from '../gql/schema';

const names: Record<Role, { label: string; about: string }> = {
  VIEWER: { label: 'Viewer', about: 'Sees everything, changes nothing.' },
  ANALYST: {
    label: 'Analyst',
    about: 'Sees everything; resolves alerts, blocks, allows, lifts and writes rules.',
  },
  ADMIN: { label: 'Admin', about: 'May do everything; manages operators and tokens.' },
};

/** From the least to the most. */
export const roles: Role[] = ['VIEWER', 'ANALYST', 'ADMIN'];

export function roleLabel(role: Role): string {
  return names[role].label;
}

/** What the role may do, in one sentence. */
export function roleAbout(role: Role): string {
  return names[role].about;
}
