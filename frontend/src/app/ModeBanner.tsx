import { IconEye, IconShieldOff } from '@tabler/icons-react';
import { Link } from 'wouter';
import { useEvery } from '../api/useEvery';
import { useQuery } from '../api/useQuery';
import { many } from '../format/numbers';
import { ModeCountsDocument } from '../gql/ModeCounts';
import classes from './ModeBanner.module.css';
import type { Health } from './useHealth';

/** Says on every page when nothing is refused: by choice, or because the gateway doubts who asks. */
export function ModeBanner({ health }: { health: Health | undefined }) {
  if (!health) return null;
  return (
    <>
      {health.notEnforcing && <NotEnforcing why={health.notEnforcing} />}
      {health.mode === 'OBSERVE' && <Observing />}
    </>
  );
}

function Observing() {
  const counts = useQuery(ModeCountsDocument);
  useEvery(10_000, counts.refetch);
  const refused = counts.data?.rules.reduce((sum, r) => sum + r.wouldHave.requests, 0);
  return (
    <p className={classes.observing}>
      <IconEye size={16} stroke={1.9} aria-hidden />
      <span>
        <strong>Observing:</strong> nothing is refused.{' '}
        {refused !== undefined && (
          <Link href="/rules">
            Would have refused {refused === 0 ? 'none so far' : many(refused, 'request')}.
          </Link>
        )}
      </span>
    </p>
  );
}

function NotEnforcing({ why }: { why: string }) {
  return (
    <section className={classes.doubting} aria-label="Not enforcing" role="status">
      <IconShieldOff size={19} aria-hidden />
      <div>
        <p className={classes.title}>Rules refuse nobody just now</p>
        <p>
          {why} <Link href="/settings">Settings</Link>
        </p>
      </div>
    </section>
  );
}
