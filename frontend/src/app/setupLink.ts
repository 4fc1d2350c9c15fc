/** What a one-time link holds: it lets whoever has it choose a password. */
export interface SetupLink {
  token: string;
  /** Whom it was made for; empty where the first admin is still to be named. */
  name: string;
}

export const setupPath = '/setup';

/**
 * Takes the link out of the address bar, so that it stays in no history and on no screenshot; undefined
 * when the address is none.
 */
export function takeLink(): SetupLink | undefined {
  if (location.pathname !== setupPath) return undefined;
  const said = new URLSearchParams(location.hash.slice(1));
  const token = said.get('token');
  if (!token) return undefined;
  history.replaceState(history.state, '', setupPath);
  return { token, name: said.get('name') ?? '' };
}
