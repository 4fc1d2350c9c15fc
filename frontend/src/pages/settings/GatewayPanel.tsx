import { IconShieldOff } from '@tabler/icons-react';
import { Link } from 'wouter';
import { useQuery } from '../../api/useQuery';
import { SettingsHealthDocument, type SettingsHealthQuery } from '../../gql/SettingsHealth';
import { Answer } from '../../ui/Answer';
import { GatewayModeBadge } from '../../ui/ModeBadge';
import { Panel } from '../../ui/Panel';
import { Snippet } from '../../ui/Snippet';
import classes from './SettingsPage.module.css';

type Health = SettingsHealthQuery['health'];

/** Whether the gateway refuses anybody, and how that is changed. */
export function GatewayPanel() {
  const query = useQuery(SettingsHealthDocument);
  return (
    <Panel title="Gateway" aside={query.data && <GatewayModeBadge mode={query.data.health.mode} />}>
      <Answer of={query} bones={3}>
        {({ health }) => (
          <div className={classes.gateway}>
            {health.notEnforcing && <Doubt why={health.notEnforcing} />}
            <Mode health={health} />
          </div>
        )}
      </Answer>
    </Panel>
  );
}

/** The banner above says why; here is what to do about it. */
function Doubt({ why }: { why: string }) {
  const [, proxy = '10.0.0.5'] = /\bfrom ([0-9a-fA-F.:]*[0-9a-fA-F])/.exec(why) ?? [];
  return (
    <div className={classes.doubt}>
      <div>
        <p className={classes.strong}>
          <IconShieldOff size={17} aria-hidden /> Rules refuse nobody just now
        </p>
        <p>
          If <span className="mono">{proxy}</span> is a proxy of yours, name it, so that the gateway believes
          whom it says it asks for. If it is one client that asks for nearly everything, set{' '}
          <code>clients.self_test: false</code>.
        </p>
      </div>
      <Snippet what="lines that name the proxy">{`clients:\n  trusted_proxies: [${proxy}]`}</Snippet>
    </div>
  );
}

function Mode({ health }: { health: Health }) {
  const observing = health.mode === 'OBSERVE';
  return (
    <div className={classes.mode}>
      <div>
        <p className={classes.strong}>
          {observing
            ? 'It observes: every request passes.'
            : health.notEnforcing
              ? 'It is set to enforce. Lists still do.'
              : 'It enforces.'}
        </p>
        <p>
          {observing ? (
            <>
              Rules find and alert as always. What would have been refused is counted under{' '}
              <Link href="/rules">Rules</Link> and marked in the <Link href="/logs">Logs</Link>, so that you
              can see whom it would hit before you switch it on.
            </>
          ) : (
            <>
              What rules and lists say is done: 403 for who is blocked, 429 for who asks too often. Every
              refusal has a receipt, and can be undone in one step.
            </>
          )}
        </p>
      </div>
      {!health.demo && (
        <div>
          <p>
            {observing ? 'To switch it on' : 'To only observe'}, set this in the configuration file, then send
            the process a <code>SIGHUP</code>. No request is dropped.
          </p>
          <Snippet what="lines for the configuration file">{`gateway:\n  mode: ${observing ? 'enforce' : 'observe'}`}</Snippet>
        </div>
      )}
    </div>
  );
}
