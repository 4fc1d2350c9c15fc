import { IconExternalLink, IconSearchOff } from '@tabler/icons-react';
import { useCallback } from 'react';
import { Link } from 'wouter';
import { fieldProblem } from '../../api/explain';
import { useLive } from '../../api/useLive';
import { useQuery } from '../../api/useQuery';
import { countryName } from '../../format/country';
import { many } from '../../format/numbers';
import type { AlertDetailFragment } from '../../gql/AlertDetail';
import { AlertOpenedDocument, type AlertOpenedQuery } from '../../gql/AlertOpened';
import { AlertsChangedDocument } from '../../gql/AlertsChanged';
import { AlertsDecidedDocument } from '../../gql/AlertsDecided';
import { Address } from '../../ui/Address';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { EvidenceShown } from '../../ui/EvidenceShown';
import { links } from '../../ui/links';
import { Fact, Facts, Opened, Part } from '../../ui/Opened';
import { SeverityBadge } from '../../ui/SeverityBadge';
import { AlertStatusBadge } from '../../ui/StatusBadge';
import { TargetWhole, trafficOf } from '../../ui/Target';
import { Time } from '../../ui/Time';
import { AlertActions } from './AlertActions';
import classes from './AlertOpened.module.css';
import { CountOverLimit } from './CountOverLimit';
import { DecisionCard } from './DecisionCard';
import { Evidence } from './Evidence';
import { outcome } from './outcome';
import { Story } from './Story';

/** Everything about one alert, and what can be done about it. */
export function AlertOpened({
  id,
  onClose,
  onChanged,
}: {
  id: string;
  onClose: () => void;
  /** Something was done that the list should show. */
  onChanged: () => void;
}) {
  const query = useQuery(AlertOpenedDocument, { id });
  const { refetch } = query;
  useLive(AlertsChangedDocument, refetch, { only: (news) => news.alertChanged.id === id });
  useLive(AlertsDecidedDocument, refetch, { every: 2_000 }); // it may be about a network around its client
  const changed = useCallback(() => {
    refetch();
    onChanged();
  }, [refetch, onChanged]);

  const alert = query.data?.alert;
  const unknown = query.error && fieldProblem(query.error)?.field === 'id';
  return (
    <Opened
      title={alert?.title ?? 'Alert'}
      onClose={onClose}
      badges={
        alert && (
          <>
            <SeverityBadge severity={alert.severity} />
            <AlertStatusBadge status={alert.status} />
            <span>
              raised <Time at={alert.firstAt} />
            </span>
          </>
        )
      }
    >
      {unknown ? (
        <Unknown id={id} />
      ) : (
        <Answer
          of={query}
          empty={(data) => data.alert === null}
          nothing={<Unknown id={id} />}
          bones={<Bones lines={7} height={52} />}
        >
          {(data) => data.alert && <Detail alert={data.alert} rules={data.rules} onChanged={changed} />}
        </Answer>
      )}
    </Opened>
  );
}

function Unknown({ id }: { id: string }) {
  return (
    <Nothing icon={<IconSearchOff size={28} stroke={1.5} aria-hidden />} title="There is no such alert">
      Nothing is known under {id}. It may come from another installation.
    </Nothing>
  );
}

function Detail({
  alert,
  rules,
  onChanged,
}: {
  alert: AlertDetailFragment;
  rules: AlertOpenedQuery['rules'];
  onChanged: () => void;
}) {
  const rule = rules.find((r) => r.id === alert.rule);
  const others = alert.decisions.filter((d) => d.id !== alert.decision?.id);
  const { actor, evidence } = alert;
  const traffic = trafficOf(actor) ?? links.client(alert.client);
  return (
    <>
      <p className={classes.reason}>{alert.reason}</p>
      <p className={classes.outcome}>{outcome(alert)}</p>

      <AlertActions alert={alert} onChanged={onChanged} />

      <Part title="Counted">
        <CountOverLimit alert={alert} />
        <EvidenceShown of={evidence} />
      </Part>

      <Part title="Who and what">
        <Facts>
          {!actor.network && (
            <Fact name="About">
              <TargetWhole of={actor} linked />
            </Fact>
          )}
          <Fact name={actor.network ? 'Client' : 'Last client'}>
            <Address value={alert.client} to={links.client(alert.client)} />
            {actor.network && actor.label !== alert.client && (
              <span className={classes.aside}>
                counted as <Address value={actor.label} what="network" />
              </span>
            )}
            <Origin evidence={evidence} />
          </Fact>
          {evidence.account && evidence.account !== actor.account && (
            <Fact name="Acting for">
              <TargetWhole of={{ label: evidence.account, account: evidence.account, route: null }} linked />
            </Fact>
          )}
          <Fact name="Key">
            {alert.keyPrefix ? (
              <Address value={`${alert.keyPrefix}…`} what="key prefix" />
            ) : (
              <span className={classes.none}>none was sent</span>
            )}
          </Fact>
          <Fact name="Request">
            <span className="mono">
              <strong>{alert.method}</strong> {alert.path}
            </span>
          </Fact>
          {evidence.userAgent && (
            <Fact name="User agent">
              <bdi className="mono">{evidence.userAgent}</bdi>
            </Fact>
          )}
          <Fact name="Rule">
            {rule?.title ?? alert.title} <span className="mono">{alert.rule}</span>{' '}
            <span className={classes.none}>version {alert.ruleVersion}</span>
            {rule && <p className={classes.explanation}>{rule.explanation}</p>}
            {rule && rule.version !== alert.ruleVersion && (
              <p className={classes.explanation}>
                That is version {rule.version}, which is in force now; this alert was raised by version{' '}
                {alert.ruleVersion}.
              </p>
            )}
          </Fact>
          {evidence.tokens.length > 0 && (
            <Fact name="Traits">
              <ul className={classes.traits}>
                {evidence.tokens.map((t) => (
                  <li key={t}>
                    <bdi>{t}</bdi>
                  </li>
                ))}
              </ul>
            </Fact>
          )}
          {alert.incident && (
            <Fact name="Incident">
              <Link href={links.incident(alert.incident.id)} className={classes.incident}>
                <span className="mono">{alert.incident.reference}</span> {alert.incident.title}
              </Link>
              <p className={classes.explanation}>
                {many(alert.incident.alertCount, 'alert')} of {many(alert.incident.clientCount, 'client')},
                joined by {alert.incident.shared}.
              </p>
            </Fact>
          )}
        </Facts>
      </Part>

      <Part
        title="Receipt"
        aside={alert.decision ? 'What the client was told, and how to undo it' : undefined}
      >
        {alert.decision ? (
          <DecisionCard decision={alert.decision} onChanged={onChanged} />
        ) : (
          <p className={classes.none}>No decision was made because of it, so there is nothing to undo.</p>
        )}
      </Part>

      {others.length > 0 && (
        <Part title={`Also in force for this ${kindOf(actor)}`} aside={many(others.length, 'decision')}>
          <div className={classes.cards}>
            {others.map((d) => (
              <DecisionCard key={d.id} decision={d} onChanged={onChanged} />
            ))}
          </div>
        </Part>
      )}

      <Part title="Timeline">
        <Story alert={alert} />
      </Part>

      <Part
        title="Evidence"
        aside={
          <Link href={traffic} className={classes.more}>
            All its traffic <IconExternalLink size={13} aria-hidden />
          </Link>
        }
      >
        <Evidence alert={alert} />
      </Part>
    </>
  );
}

/** Where the client was, as far as a geo database tells. */
function Origin({ evidence }: { evidence: AlertDetailFragment['evidence'] }) {
  const { country, asn } = evidence;
  if (!country && asn === null) return null;
  return (
    <span className={classes.aside}>
      {country && countryName(country)}
      {country && asn !== null && ', '}
      {asn !== null && `AS${asn}`}
    </span>
  );
}

function kindOf(actor: AlertDetailFragment['actor']): string {
  if (actor.account) return 'account';
  if (actor.route) return 'route';
  return actor.keyPrefix && !actor.network ? 'key' : 'client';
}
