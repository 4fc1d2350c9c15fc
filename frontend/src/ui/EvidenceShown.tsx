import { Button } from '@mantine/core';
import { useState } from 'react';
import { figure } from '../format/numbers';
import type { EvidenceShownFragment } from '../gql/EvidenceShown';
import classes from './EvidenceShown.module.css';

const some = 12; // values that are shown at first

/** What a finding shows besides its count: the values it saw, what its score is made of, and what would have kept it silent. */
export function EvidenceShown({ of: evidence }: { of: EvidenceShownFragment }) {
  const { seen, parts, unless } = evidence;
  return (
    <>
      {parts.length > 0 && <Parts of={parts} />}
      {seen.length > 0 && <Seen values={seen} />}
      {unless && <p className={classes.unless}>{unless}</p>}
    </>
  );
}

/** The values that were counted. Strangers wrote them. */
function Seen({ values }: { values: string[] }) {
  const [all, setAll] = useState(values.length <= some + 2);
  return (
    <div className={classes.seen}>
      <h4 className={classes.heading}>What was seen</h4>
      <ul className={classes.values} aria-label="What was seen">
        {(all ? values : values.slice(0, some)).map((value, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list does not change, and a value may come twice
          <li key={i}>
            <bdi>{value || 'nothing'}</bdi>
          </li>
        ))}
      </ul>
      {!all && (
        <Button size="compact-xs" variant="default" onClick={() => setAll(true)}>
          Show all {values.length}
        </Button>
      )}
    </div>
  );
}

/** What a score is made of: a bar for each share, and what is usual beside it. */
function Parts({ of: parts }: { of: EvidenceShownFragment['parts'] }) {
  const most = Math.max(...parts.map((p) => Math.abs(p.share)), Number.MIN_VALUE);
  return (
    <div className={classes.parts}>
      <h4 className={classes.heading}>What the score is made of</h4>
      <ul aria-label="What the score is made of">
        {parts.map((p, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list does not change, and a feature may come twice
          <li key={i} className={classes.part}>
            <span className={classes.feature}>
              <bdi>{p.feature}</bdi> <strong>{figure(p.value)}</strong>
            </span>
            <span className={classes.share}>
              <span className="only-heard">its share: </span>
              {figure(p.share)}
            </span>
            <span className={classes.bar} aria-hidden>
              <span style={{ width: `${Math.max((Math.abs(p.share) / most) * 100, 1)}%` }} />
            </span>
            {p.expected && (
              <span className={classes.expected}>
                usual: <bdi>{p.expected}</bdi>
              </span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
