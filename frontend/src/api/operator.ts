import { createContext, useContext } from 'react';
import type { Role } from '../gql/schema';
import { Session, type SignedIn } from './session';

/** Who is signed in, and by which session; the app provides it around every page. */
export const OperatorContext = createContext<{ operator: SignedIn | undefined; session: Session }>({
  operator: undefined,
  session: new Session(),
});

export function useOperator(): SignedIn | undefined {
  return useContext(OperatorContext).operator;
}

/** The session of who is signed in, to end it. */
export function useOwnSession(): Session {
  return useContext(OperatorContext).session;
}

/** What somebody may do. What he may not is absent from the page; the server refuses it anyway. */
export interface May {
  /** Resolve alerts; block, allow, monitor and lift; write rules and set their modes. */
  act: boolean;
  /** Change operators and tokens. */
  administer: boolean;
}

const grants: Record<Role, May> = {
  VIEWER: { act: false, administer: false },
  ANALYST: { act: true, administer: false },
  ADMIN: { act: true, administer: true },
};

/** What who is signed in may do; nobody may nothing. */
export function useMay(): May {
  return grants[useOperator()?.role ?? 'VIEWER'];
}
