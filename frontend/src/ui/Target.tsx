import { IconKey, IconRoute, IconUser } from '@tabler/icons-react';
import { Link } from 'wouter';
import { Copy } from './Address';
import { links } from './links';
import classes from './Target.module.css';

/** Whom a decision or an alert is about, as the server tells it. */
export interface Whom {
  label: string;
  network?: string | null;
  keyPrefix?: string | null;
  account: string | null;
  route: string | null;
}

/** In one line. An account is a name that a stranger chose, so it stands apart from our own words. */
export function Target({ of: whom }: { of: Whom }) {
  const { Icon, kind, name } = read(whom);
  return (
    <span className={classes.target} title={whom.label}>
      {Icon && <Icon size={14} stroke={1.9} aria-hidden />}
      {kind && <span className="only-heard">{kind} </span>}
      <bdi className={classes.name}>{name}</bdi>
    </span>
  );
}

/** The whole of it, to be copied; `linked` to its traffic, where that can be told. */
export function TargetWhole({ of: whom, linked = false }: { of: Whom; linked?: boolean }) {
  const { Icon, kind, name } = read(whom);
  const to = linked && trafficOf(whom);
  return (
    <span className={classes.whole}>
      {Icon && <Icon size={14} stroke={1.9} aria-hidden />}
      {kind && <span className={classes.kind}>{kind}</span>}
      <bdi className={classes.text}>{to ? <Link href={to}>{name}</Link> : name}</bdi>
      <Copy value={name} what={kind || 'address'} />
    </span>
  );
}

/** Where its traffic is listed; nowhere for a key, of which only a part is known. */
export function trafficOf(whom: Whom): string | undefined {
  if (whom.account) return links.account(whom.account);
  if (whom.network) return links.client(whom.network);
  const path = whom.route?.split(' ')[1];
  return path && links.path(path.split('{')[0] ?? path);
}

function read(whom: Whom) {
  if (whom.account) return { Icon: IconUser, kind: 'account', name: whom.account };
  if (whom.route) return { Icon: IconRoute, kind: 'route', name: whom.route };
  if (whom.keyPrefix) return { Icon: IconKey, kind: 'key', name: `${whom.keyPrefix}…` };
  return { kind: '', name: whom.label };
}
