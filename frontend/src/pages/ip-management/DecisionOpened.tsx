import { Button } from '@mantine/core';
import { IconHistoryOff, IconLockOpen } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { useEvery } from '../../api/useEvery';
import { useQuery } from '../../api/useQuery';
import { readNetwork, size } from '../../format/network';
import { exact } from '../../format/time';
import { IpOpenedDocument } from '../../gql/IpOpened';
import type { IpRowFragment } from '../../gql/IpRow';
import { ActionBadge } from '../../ui/ActionBadge';
import { Address } from '../../ui/Address';
import { Answer, Nothing } from '../../ui/Answer';
import { useText } from '../../ui/clockTick';
import { inForce } from '../../ui/decisions';
import { Hammering, refuses } from '../../ui/Hammering';
import { links } from '../../ui/links';
import { Fact, Facts, Opened, Part } from '../../ui/Opened';
import { Proof } from '../../ui/Proof';
import { SeverityBadge } from '../../ui/SeverityBadge';
import { AlertStatusBadge, DecisionStateBadge } from '../../ui/StatusBadge';
import { TargetWhole, trafficOf } from '../../ui/Target';
import { Left, Time } from '../../ui/Time';
import { ClientPart, Exchanges } from './ClientPart';
import classes from './Opened.module.css';
import { OriginBadge } from './OriginBadge';

/** One decision: its receipt, its way out, and whom it is about. */
export function DecisionOpened({
  id,
  mayChange,
  changed,
  onClose,
  onLift,
  onAdd,
}: {
  id: string;
  mayChange: boolean;
  /** The newest news of it. */
  changed: IpRowFragment | undefined;
  onClose: () => void;
  onLift: (decision: IpRowFragment) => void;
  onAdd: (target: string) => void;
}) {
  const query = useQuery(IpOpenedDocument, { reference: id });
  const { refetch } = query;
  const known = useRef(changed);
  useEffect(() => {
    if (known.current !== changed) refetch();
    known.current = changed;
  }, [changed, refetch]);

  const receipt = query.data?.receipt;
  const d = receipt?.decision;
  useEvery(d && refuses(d.action) && inForce(d) ? 10_000 : 0, refetch); // whom it refuses may go on asking
  if (!receipt || !d)
    return (
      <Opened title={id} onClose={onClose}>
        <Answer
          of={query}
          bones={7}
          empty={() => true}
          nothing={
            <Nothing
              icon={<IconHistoryOff size={30} stroke={1.4} aria-hidden />}
              title="There is no decision with that reference"
            >
              Look whether it was copied whole.
            </Nothing>
          }
        >
          {() => null}
        </Answer>
      </Opened>
    );
  const { network } = d.target;
  const reading = network ? readNetwork(network) : undefined;
  const covers = reading && 'network' in reading ? reading.network : undefined;
  const client = covers && (covers.single || (covers.version === 6 && covers.bits === 64)) && covers.first;
  return (
    <Opened title={d.target.label} badges={<State of={d} />} onClose={onClose}>
      <Facts>
        <Fact name="Reference">
          <Address value={d.id} what="reference" />
        </Fact>
        <Fact name="Whom">
          <TargetWhole of={d.target} />
          {covers && !covers.single && <span className={classes.dim}>, {size(covers)}</span>}
        </Fact>
        <Fact name="Who says so">
          <span className={classes.who}>
            <OriginBadge origin={d.origin} />
            {d.rule ? (
              <span>
                <span className="mono">{d.rule}</span>, on {d.by}
              </span>
            ) : (
              d.by
            )}
          </span>
        </Fact>
        <Fact name="Why">{d.reason || <span className={classes.dim}>no reason given</span>}</Fact>
        <Fact name="Made">
          {exact(d.from)}, <Time at={d.from} />
        </Fact>
        <Fact name="Until">
          {d.until && `${exact(d.until)}, `}
          <Left until={d.until} />
        </Fact>
        {refuses(d.action) && (
          <Fact name="Refused since">
            <Hammering of={d} />
          </Fact>
        )}
        {d.liftedAt && (
          <Fact name="Lifted">
            {exact(d.liftedAt)} by {d.liftedBy}
          </Fact>
        )}
      </Facts>
      <Ways of={d} mayChange={mayChange} onLift={onLift} onAdd={onAdd} />
      <Part title="Receipt">
        <div className={classes.receipt}>
          <p>{receipt.summary}</p>
          {d.origin === 'RULE' && <Proof of={receipt} />}
          {receipt.alert && (
            <Link href={links.alert(receipt.alert.id)} className={classes.card}>
              <span className={classes.badges}>
                <SeverityBadge severity={receipt.alert.severity} />
                <AlertStatusBadge status={receipt.alert.status} />
                <strong>{receipt.alert.title}</strong>
              </span>
              <span className={classes.dim}>{receipt.alert.reason}</span>
            </Link>
          )}
          <p>
            <strong>To undo it.</strong> {receipt.undo}
          </p>
        </div>
      </Part>
      {d.origin === 'RULE' && (
        <Part title="What was counted" aside="newest first">
          <Exchanges of={receipt.exchanges} nothing="These requests are not kept any more." />
        </Part>
      )}
      {client && <ClientPart address={client} but={d.id} />}
    </Opened>
  );
}

function State({ of: d }: { of: IpRowFragment }) {
  const lasts = useText((now) => (inForce(d, now) ? 'yes' : '')) !== '';
  return (
    <>
      <ActionBadge action={d.action} />
      <DecisionStateBadge state={lasts ? 'IN_FORCE' : d.state === 'LIFTED' ? 'LIFTED' : 'EXPIRED'} />
      {lasts && <Left until={d.until} />}
    </>
  );
}

function Ways({
  of: d,
  mayChange,
  onLift,
  onAdd,
}: {
  of: IpRowFragment;
  mayChange: boolean;
  onLift: (decision: IpRowFragment) => void;
  onAdd: (target: string) => void;
}) {
  const lasts = useText((now) => (inForce(d, now) ? 'yes' : '')) !== '';
  const { network } = d.target;
  const traffic = trafficOf(d.target);
  return (
    <div className={classes.ways}>
      {lasts && mayChange && (
        <Button size="xs" leftSection={<IconLockOpen size={14} aria-hidden />} onClick={() => onLift(d)}>
          Lift…
        </Button>
      )}
      {network && mayChange && (
        <Button size="xs" variant="default" onClick={() => onAdd(network)}>
          {lasts ? 'Decide otherwise…' : 'Decide again…'}
        </Button>
      )}
      {traffic && (
        <Button component={Link} href={traffic} size="xs" variant="default">
          Its traffic
        </Button>
      )}
    </div>
  );
}
