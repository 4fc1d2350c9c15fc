import { Button } from '@mantine/core';
import { IconHistoryOff } from '@tabler/icons-react';
import { Link } from 'wouter';
import { useMay } from '../../api/operator';
import { useQuery } from '../../api/useQuery';
import { bytes } from '../../format/bytes';
import { took } from '../../format/durations';
import { clock, exact } from '../../format/time';
import { LogsOpenedDocument, type LogsOpenedQuery } from '../../gql/LogsOpened';
import { LogsReceiptDocument, type LogsReceiptQuery } from '../../gql/LogsReceipt';
import { ActionBadge } from '../../ui/ActionBadge';
import { Address } from '../../ui/Address';
import { Answer, Nothing } from '../../ui/Answer';
import { links } from '../../ui/links';
import { Fact, Facts, Opened, Part } from '../../ui/Opened';
import { Proof } from '../../ui/Proof';
import { SeverityBadge } from '../../ui/SeverityBadge';
import { AlertStatusBadge, DecisionStateBadge, StatusBadge } from '../../ui/StatusBadge';
import { statusName } from '../../ui/statusName';
import { Target } from '../../ui/Target';
import { Left, Time } from '../../ui/Time';
import type { ListFilter } from './filter';
import { flagWords } from './flags';
import classes from './LogsOpened.module.css';
import type { Row } from './tail';

type Details = Row &
  Partial<Pick<NonNullable<LogsOpenedQuery['exchange']>, 'bytes' | 'userAgent' | 'sessionPrefix'>>;

/** One request: what was asked and answered, by whom, and why it was refused. */
export function LogsOpened({
  id,
  known,
  query: address,
  onClose,
  onNarrow,
}: {
  id: string;
  /** What the list knows of it: rows are written down a moment after they are shown. */
  known: Row | undefined;
  /** The filter as it stands in the address. */
  query: string;
  onClose: () => void;
  onNarrow: (to: Partial<ListFilter>) => void;
}) {
  const query = useQuery(LogsOpenedDocument, { id });
  const may = useMay();
  const details: Details | undefined = query.data?.exchange ?? known;
  if (!details)
    return (
      <Opened title="Request" onClose={onClose}>
        <Answer
          of={query}
          bones={7}
          empty={() => true}
          nothing={
            <Nothing
              icon={<IconHistoryOff size={30} stroke={1.4} aria-hidden />}
              title="This request is not kept any more"
            >
              Or there never was one with that name.
            </Nothing>
          }
        >
          {() => null}
        </Answer>
      </Opened>
    );
  const x = details;
  return (
    <Opened
      title={`${x.method} ${x.path}`}
      badges={
        <>
          <StatusBadge status={x.status} refused={x.refused} />
          <span>{statusName(x.status)}</span>
        </>
      }
      onClose={onClose}
    >
      <Facts>
        <Fact name="Reference">
          <Address value={x.reference} what="reference" />
        </Fact>
        <Fact name="When">
          {exact(x.at)}, <Time at={x.at} />
        </Fact>
        <Fact name="Client">
          <Address value={x.client} />
        </Fact>
        <Fact name="Key">
          {x.keyPrefix ? <Address value={x.keyPrefix} what="key prefix" /> : 'none sent'}
        </Fact>
        {x.account && (
          <Fact name="Account">
            <Address value={x.account} what="account" />
          </Fact>
        )}
        {x.sessionPrefix && (
          <Fact name="Session">
            <Address value={`${x.sessionPrefix}…`} what="session prefix" />
          </Fact>
        )}
        {x.route && x.route !== x.path && (
          <Fact name="Route">
            <span className="mono">{x.route}</span>
          </Fact>
        )}
        <Fact name="Answered by">
          {x.refused ? 'the gateway, which refused it' : 'the API'}
          {x.status === 0 && '; its answer is not known'}
          {x.cause && (
            <>
              {' '}
              because of <span className="mono">{x.cause}</span>
            </>
          )}
        </Fact>
        {x.would && (
          <Fact name="Would have">
            been refused because of <span className="mono">{x.would}</span>, had it been enforced
          </Fact>
        )}
        {x.flags.length > 0 && (
          <Fact name="Odd about it">
            <ul className={classes.flags}>
              {x.flags.map((f) => (
                <li key={f}>{flagWords(f)}</li>
              ))}
            </ul>
          </Fact>
        )}
        <Fact name="Took">
          {took(x.took)}
          {x.bytes !== undefined && `, ${bytes(x.bytes)}`}
        </Fact>
        <Fact name="User agent">
          {x.userAgent === undefined ? (
            '…'
          ) : x.userAgent ? (
            <span className="mono">{x.userAgent}</span>
          ) : (
            'none sent'
          )}
        </Fact>
        {x.monitored && <Fact name="Watched">a decision asks to watch this client</Fact>}
      </Facts>
      <div className={classes.ways}>
        <Button size="xs" variant="default" onClick={() => onNarrow({ client: x.client })}>
          Only this client
        </Button>
        {x.keyPrefix && (
          <Button size="xs" variant="default" onClick={() => onNarrow({ key: x.keyPrefix ?? '' })}>
            Only this key
          </Button>
        )}
        {x.account && (
          <Button size="xs" variant="default" onClick={() => onNarrow({ account: x.account ?? '' })}>
            Only this account
          </Button>
        )}
        <Button size="xs" variant="default" onClick={() => onNarrow({ path: x.path })}>
          Only this path
        </Button>
      </div>
      <Part title="About the client">
        <p className={classes.links}>
          <Link href={links.decisionsAbout(x.client)}>Decisions and figures</Link>
          <Link href={links.alertsAbout(x.client)}>Alerts</Link>
          {x.account && <Link href={links.alertsOfAccount(x.account)}>Alerts of its account</Link>}
          {may.act && <Link href={links.decide(x.client)}>Block, allow or monitor it…</Link>}
        </p>
      </Part>
      <Receipt reference={x.reference} of={x.id} refused={x.refused} address={address} />
    </Opened>
  );
}

/** Why it was refused, and how to undo it. */
function Receipt({
  reference,
  of: id,
  refused,
  address,
}: {
  reference: string;
  of: string;
  refused: boolean;
  address: string;
}) {
  const query = useQuery(LogsReceiptDocument, { reference }, { pause: !refused });
  if (!refused) return null;
  return (
    <Part title="Receipt">
      <Answer
        of={query}
        bones={4}
        empty={(d) => !d.receipt}
        nothing={<p className={classes.quiet}>There is no receipt yet. It is written within the second.</p>}
      >
        {({ receipt }) => receipt && <Written receipt={receipt} of={id} address={address} />}
      </Answer>
    </Part>
  );
}

function Written({
  receipt: r,
  of: id,
  address,
}: {
  receipt: NonNullable<LogsReceiptQuery['receipt']>;
  of: string;
  address: string;
}) {
  const counted = r.exchanges.filter((x) => x.id !== id);
  return (
    <div className={classes.receipt}>
      <p>{r.summary}</p>
      {r.decision?.origin === 'RULE' && <Proof of={r} />}
      {r.decision && (
        <Link href={links.decision(r.decision.id)} className={classes.card}>
          <span className={classes.badges}>
            <ActionBadge action={r.decision.action} />
            <DecisionStateBadge state={r.decision.state} />
            {r.decision.state === 'IN_FORCE' && <Left until={r.decision.until} />}
          </span>
          <span className="mono">
            <Target of={r.decision.target} /> · {r.decision.id}
          </span>
        </Link>
      )}
      {r.alert && (
        <Link href={links.alert(r.alert.id)} className={classes.card}>
          <span className={classes.badges}>
            <SeverityBadge severity={r.alert.severity} />
            <AlertStatusBadge status={r.alert.status} />
          </span>
          <span>{r.alert.title}</span>
        </Link>
      )}
      <p className={classes.undo}>
        <strong>To undo it.</strong> {r.undo}
      </p>
      {counted.length > 0 && (
        <>
          <h4 className={classes.counted}>Counted before it, newest first</h4>
          <ul className={classes.list}>
            {counted.map((x) => (
              <li key={x.id}>
                <Link href={`${links.exchange(x.id)}${address}`}>
                  <span>{clock(x.at)}</span>
                  <span className={classes.path}>
                    {x.method} {x.path}
                  </span>
                  <span>{x.status || '–'}</span>
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
