import { IconCircleCheck, IconInfoCircle } from '@tabler/icons-react';
import { span } from '../format/durations';
import { count } from '../format/numbers';
import { clock } from '../format/time';
import type { ProofFragment } from '../gql/Proof';
import { EvidenceShown } from './EvidenceShown';
import classes from './Proof.module.css';

/** What a decision rests on, and whether it comes out the same when it is computed again from that alone. */
export function Proof({ of: proof }: { of: ProofFragment }) {
  const { terms, times, evidence, recomputed, explanation } = proof;
  return (
    <div className={classes.proof}>
      <p className={classes.verdict} data-same={recomputed || undefined}>
        {recomputed ? (
          <IconCircleCheck size={16} stroke={2} aria-hidden />
        ) : (
          <IconInfoCircle size={16} stroke={2} aria-hidden />
        )}
        <span>
          {recomputed && <strong>Computed again, it comes out the same. </strong>}
          {explanation}
        </span>
      </p>
      {terms && (
        <p className={classes.terms}>
          Rule <span className="mono">{terms.rule}</span> version {terms.version}
          {terms.limit > 0 && tripped(proof, terms)}.{first(times)}
        </p>
      )}
      {evidence && <EvidenceShown of={evidence} />}
    </div>
  );
}

/** What trips the rule, and what came: a count, or a score that is made of parts. */
function tripped(
  { count: counted, evidence }: ProofFragment,
  terms: NonNullable<ProofFragment['terms']>,
): string {
  const most = count(terms.limit);
  if (evidence?.parts.length)
    return `: a score of more than ${most} trips it, and it was ${count(counted ?? 0)}`;
  const within = terms.windowSeconds > 0 ? ` in ${span(terms.windowSeconds)}` : '';
  return `: more than ${most}${within} trip it, ${count(counted ?? 0)} were counted`;
}

function first(times: string[]): string {
  const [from, to] = [times[0], times.at(-1)];
  if (!from || !to || times.length < 2) return '';
  return ` ${count(times.length)} times are kept, from ${clock(from)} to ${clock(to)}.`;
}
