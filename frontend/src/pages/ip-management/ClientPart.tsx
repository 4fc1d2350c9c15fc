import { Link } from 'wouter';
import { useQuery } from '../../api/useQuery';
import { count } from '../../format/numbers';
import { clock, exact } from '../../format/time';
import { IpClientDocument } from '../../gql/IpClient';
import type { IpExchangeFragment } from '../../gql/IpExchange';
import { ActionBadge } from '../../ui/ActionBadge';
import { Answer } from '../../ui/Answer';
import { links } from '../../ui/links';
import { Part } from '../../ui/Opened';
import { SeverityBadge } from '../../ui/SeverityBadge';
import { AlertStatusBadge } from '../../ui/StatusBadge';
import { Left, Time } from '../../ui/Time';
import classes from './Opened.module.css';

/** What is known of one client: its last hour, who decided what about it, its alerts, its newest requests. */
export function ClientPart({ address, but }: { address: string; but?: string }) {
  const query = useQuery(IpClientDocument, { address });
  return (
    <Answer of={query} bones={5}>
      {({ client: c }) => {
        const decisions = c.decisions.filter((d) => d.id !== but);
        return (
          <>
            <Part
              title="The last hour"
              aside={
                c.lastAt ? (
                  <>
                    last seen <Time at={c.lastAt} />
                  </>
                ) : (
                  'never seen'
                )
              }
            >
              <dl className={classes.figures}>
                <div>
                  <dt>Requests</dt>
                  <dd>{count(c.requests)}</dd>
                </div>
                <div>
                  <dt>Failed</dt>
                  <dd data-mood={c.failed > 0 ? 'warn' : undefined}>{count(c.failed)}</dd>
                </div>
                <div>
                  <dt>Refused</dt>
                  <dd data-mood={c.refused > 0 ? 'bad' : undefined}>{count(c.refused)}</dd>
                </div>
              </dl>
              {c.network !== c.address && (
                <p className={classes.note}>
                  Counted as its network, <span className="mono">{c.network}</span>.
                </p>
              )}
            </Part>
            {(decisions.length > 0 || !but) && (
              <Part title={but ? 'Also in force about it' : 'In force about it'}>
                {decisions.length === 0 && <p className={classes.note}>No decision covers it.</p>}
                <ul className={classes.list}>
                  {decisions.map((d) => (
                    <li key={d.id}>
                      <Link href={links.decision(d.id)} className={classes.line}>
                        <ActionBadge action={d.action} />
                        <span className="mono">{d.target.label}</span>
                        <span className={classes.end}>
                          <Left until={d.until} />
                        </span>
                      </Link>
                    </li>
                  ))}
                </ul>
              </Part>
            )}
            <Part title="Alerts" aside={<Link href={links.alertsAbout(address)}>All</Link>}>
              {c.alerts.length === 0 && <p className={classes.note}>No rule found anything.</p>}
              <ul className={classes.list}>
                {c.alerts.map((a) => (
                  <li key={a.id}>
                    <Link href={links.alert(a.id)} className={classes.line}>
                      <SeverityBadge severity={a.severity} />
                      <span>{a.title}</span>
                      <span className={classes.end}>
                        {a.status === 'RESOLVED' ? (
                          <AlertStatusBadge status={a.status} />
                        ) : (
                          <Time at={a.lastAt} />
                        )}
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
            </Part>
            <Part title="Newest requests" aside={<Link href={links.client(c.network)}>All</Link>}>
              <Exchanges of={c.exchanges} nothing="Nothing of it is kept." />
            </Part>
          </>
        );
      }}
    </Answer>
  );
}

/** A few requests, each a link. */
export function Exchanges({ of: exchanges, nothing }: { of: IpExchangeFragment[]; nothing: string }) {
  if (exchanges.length === 0) return <p className={classes.note}>{nothing}</p>;
  return (
    <ul className={classes.list}>
      {exchanges.map((x) => (
        <li key={x.id}>
          <Link href={links.exchange(x.id)} className={classes.exchange}>
            <time dateTime={x.at} title={exact(x.at)}>
              {clock(x.at)}
            </time>
            <span className={classes.path}>
              {x.method} {x.path}
            </span>
            <span data-refused={x.refused || undefined}>
              {x.status}
              {x.refused && ' refused'}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
