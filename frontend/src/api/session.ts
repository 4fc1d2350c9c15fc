import { useSyncExternalStore } from 'react';
import type { Role } from '../gql/schema';

/** Who works here. */
export interface SignedIn {
  name: string;
  role: Role;
  /** Nobody signs in: everybody on this machine is admin. */
  demo: boolean;
}

/** Why somebody stands before the door: he went, the session ended, or a password was chosen just now. */
export type Why = 'left' | 'ended' | 'chosen';

/** Whether somebody is signed in, as far as the server has said. */
export type SessionState =
  | { state: 'asking'; away: boolean }
  | { state: 'in'; operator: SignedIn }
  | {
      state: 'out';
      why: Why | undefined;
      /** There is no admin yet: the server has printed a link to make the first one. */
      setup: boolean;
    };

/** Why the server let nobody in. */
export interface Refusal {
  /** A sentence for a person. */
  problem: string;
  status: number;
  /** The field that it is about. */
  field: string | undefined;
  /** Seconds until another try is worth it. */
  wait: number | undefined;
}

/**
 * The session of this browser. The cookie that holds it is never seen here: the server is asked, and
 * every answer that says otherwise is believed at once.
 */
export class Session {
  #now: SessionState = { state: 'asking', away: false };
  #watchers = new Set<() => void>();
  #asked: Promise<boolean> | undefined;
  #epoch = 0;

  get state(): SessionState {
    return this.#now;
  }

  watch = (tell: () => void): (() => void) => {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  };

  /**
   * Asks the server who is signed in, and answers whether somebody is. Who asks meanwhile gets the same
   * answer. While the server is away nothing changes, but that it is known to be.
   */
  ask(): Promise<boolean> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  async #ask(): Promise<boolean> {
    const epoch = this.#epoch;
    const answer = await send('GET', '/session');
    const said = await readJSON(answer);
    if (epoch !== this.#epoch) return this.#now.state === 'in'; // somebody came or went meanwhile
    const operator = answer?.ok ? operatorIn(said) : undefined;
    if (operator) {
      const was = this.#now;
      const same =
        was.state === 'in' && was.operator.name === operator.name && was.operator.role === operator.role;
      if (!same) this.#move({ state: 'in', operator });
    } else if (answer?.status === 401) {
      const { why } = this.#now.state === 'out' ? this.#now : { why: undefined };
      this.#leave(this.#now.state === 'in' ? 'ended' : why, said?.setup === true);
    } else if (this.#now.state === 'asking') this.#move({ state: 'asking', away: true });
    return this.#now.state === 'in';
  }

  /** Signs in; answers why not. */
  async signIn(name: string, password: string): Promise<Refusal | undefined> {
    return this.#enter('/session', { name, password });
  }

  /** Makes the first admin, or chooses the password of whom the token was given to; answers why not. */
  async setUp(token: string, name: string, password: string): Promise<Refusal | undefined> {
    const refusal = await this.#enter('/setup', { token, name, password });
    if (!refusal && this.#now.state === 'out') this.#leave('chosen');
    return refusal;
  }

  async #enter(path: string, body: object): Promise<Refusal | undefined> {
    const answer = await send('POST', path, body);
    if (!answer?.ok) return refusalOf(answer, await readJSON(answer));
    this.#epoch++; // what was asked before is not about this session
    this.#asked = undefined;
    await this.ask();
    return undefined;
  }

  /** Signs out; answers why not. */
  async signOut(): Promise<Refusal | undefined> {
    const answer = await send('DELETE', '/session');
    if (!answer?.ok && answer?.status !== 401) return refusalOf(answer, await readJSON(answer));
    this.#leave('left');
    return undefined;
  }

  /** The server has said that nobody is signed in; `why` when it is known why. */
  end(why?: Why): void {
    if (this.#now.state === 'out' && !why) return;
    this.#leave(why ?? (this.#now.state === 'in' ? 'ended' : undefined));
  }

  #leave(why: Why | undefined, setup = false): void {
    this.#epoch++;
    this.#asked = undefined;
    this.#move({ state: 'out', why, setup });
  }

  /** What opens a socket, once and soon; undefined where none is needed, or when there is none to be had. */
  async ticket(): Promise<string | undefined> {
    if (this.#now.state === 'in' && this.#now.operator.demo) return undefined;
    const answer = await send('POST', '/session/ticket', {});
    if (answer?.status === 401) this.end();
    const said = answer?.ok ? await readJSON(answer) : undefined;
    return typeof said?.ticket === 'string' ? said.ticket : undefined;
  }

  #move(to: SessionState): void {
    this.#now = to;
    for (const tell of this.#watchers) tell();
  }
}

export function useSession(session: Session): SessionState {
  return useSyncExternalStore(session.watch, () => session.state);
}

type Said = Record<string, unknown>;

/** Undefined when the server did not answer. */
async function send(method: string, path: string, body?: object): Promise<Response | undefined> {
  try {
    return await fetch(path, {
      method,
      cache: 'no-store',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
  } catch {
    return undefined;
  }
}

async function readJSON(answer: Response | undefined): Promise<Said | undefined> {
  try {
    const said: unknown = await answer?.json();
    return typeof said === 'object' && said !== null ? (said as Said) : undefined;
  } catch {
    return undefined;
  }
}

const roles: readonly string[] = ['VIEWER', 'ANALYST', 'ADMIN'];

function operatorIn(said: Said | undefined): SignedIn | undefined {
  const { name, role, demo } = said ?? {};
  if (typeof name !== 'string' || typeof role !== 'string' || !roles.includes(role)) return undefined;
  return { name, role: role as Role, demo: demo === true };
}

function refusalOf(answer: Response | undefined, said: Said | undefined): Refusal {
  const problem = typeof said?.error === 'string' && answer && answer.status < 500 ? said.error : '';
  return {
    problem: problem || 'The server did not answer.',
    status: answer?.status ?? 0,
    field: /^(name|password) /.exec(problem)?.[1],
    wait: answer && secondsOf(answer.headers.get('retry-after')),
  };
}

/** Retry-After in seconds: a number of them, or a date (RFC 9110, 10.2.3). */
function secondsOf(text: string | null): number | undefined {
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
