import type { Client } from '@urql/core';
import { lazy, type ReactNode, Suspense, useEffect, useLayoutEffect, useMemo, useState } from 'react';
import { Provider } from 'urql';
import { useLocation } from 'wouter';
import { OperatorContext } from '../api/operator';
import { type Session, type SignedIn, useSession } from '../api/session';
import { backoff, pause } from '../api/socket';
import { Logo } from '../ui/Logo';
import classes from './Gate.module.css';
import { PageBoundary } from './PageBoundary';
import { Shell } from './Shell';
import { type SetupLink, setupPath, takeLink } from './setupLink';

const SignInPage = lazy(async () => ({ default: (await import('../pages/door/SignInPage')).SignInPage }));
const SetupPage = lazy(async () => ({ default: (await import('../pages/door/SetupPage')).SetupPage }));

type Connect = () => { client: Client; close: () => void };

/**
 * Lets in who is signed in, and shows the others the door. The address stays what it was, so that it is
 * open at once after signing in.
 */
export function Gate({
  session,
  connect,
  link: first,
}: {
  session: Session;
  connect: Connect;
  link: SetupLink | undefined;
}) {
  const now = useSession(session);
  const [location, navigate] = useLocation();
  const [link, setLink] = useState(first);
  const demo = now.state === 'in' && now.operator.demo;

  // A link that is pasted into this very page changes its hash only.
  useEffect(() => {
    const look = () => {
      const pasted = takeLink();
      if (pasted) setLink(pasted);
    };
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);

  // Who has signed in somewhere else in this browser needs not do it here again.
  const out = now.state === 'out';
  useEffect(() => {
    if (!out) return;
    const look = () => document.visibilityState === 'visible' && void session.ask();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [out, session]);

  if (now.state === 'asking') return <Waiting away={now.away} session={session} />;
  if (location === setupPath && !demo)
    return (
      <Door>
        <SetupPage
          session={session}
          link={link}
          signedIn={now.state === 'in' ? now.operator.name : undefined}
          onDone={() => navigate('/', { replace: true })}
        />
      </Door>
    );
  if (now.state === 'out')
    return (
      <Door>
        <SignInPage session={session} why={now.why} setup={now.setup} />
      </Door>
    );
  const { operator } = now;
  return (
    <Inside
      key={`${operator.name} ${operator.role}`}
      session={session}
      operator={operator}
      connect={connect}
    />
  );
}

/** The console, with a client of its own for who works in it. */
function Inside({ session, operator, connect }: { session: Session; operator: SignedIn; connect: Connect }) {
  const [client, setClient] = useState<Client>();
  useLayoutEffect(() => {
    const made = connect();
    setClient(made.client);
    return made.close;
  }, [connect]);
  const inside = useMemo(() => ({ operator, session }), [operator, session]);
  if (!client) return null;
  return (
    <OperatorContext value={inside}>
      <Provider value={client}>
        <Shell />
      </Provider>
    </OperatorContext>
  );
}

function Door({ children }: { children: ReactNode }) {
  return (
    <PageBoundary>
      <Suspense fallback={<div className={classes.waiting} />}>{children}</Suspense>
    </PageBoundary>
  );
}

/** Nothing for a moment, then the mark; and what is wrong when the server does not answer. */
function Waiting({ away, session }: { away: boolean; session: Session }) {
  useEffect(() => {
    if (!away) return;
    let gone = false;
    const again = async () => {
      for (let attempt = 1; !gone; attempt++) {
        await pause(backoff(attempt));
        if (!gone) await session.ask();
      }
    };
    void again();
    return () => {
      gone = true;
    };
  }, [away, session]);
  return (
    <div className={classes.waiting} role="status">
      <div className={classes.mark} data-away={away || undefined}>
        <Logo size={44} />
        {away ? (
          <p>The server does not answer. Trying again…</p>
        ) : (
          <p className="only-heard">Opening Sentinel</p>
        )}
      </div>
    </div>
  );
}
