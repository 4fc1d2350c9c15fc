import type { RuleHistoryQuery } from '../../gql/RuleHistory';
import { Time } from '../../ui/Time';
import { modeNames } from './modes';
import classes from './RuleEditor.module.css';

export type Version = RuleHistoryQuery['ruleVersions']['edges'][number]['node'];

/** Every version that was saved, newest first. One that is put into the text counts when it is saved. */
export function Versions({
  versions,
  total,
  text,
  act,
  onTake,
}: {
  versions: Version[];
  total: number;
  /** That is in the field now. */
  text: string;
  act: boolean;
  onTake: (version: Version) => void;
}) {
  return (
    <section className={classes.part} aria-label="Versions">
      <h2>Versions</h2>
      <ol className={classes.versions}>
        {versions.map((v) => (
          <li key={v.number}>
            <span className={classes.number}>{v.number}</span>
            <span>
              {what(v)}
              <span className={classes.dim}>
                {' '}
                {v.by}, <Time at={v.at} />
              </span>
            </span>
            {v.definition && v.definition !== text && (
              <button
                type="button"
                className={classes.link}
                aria-label={`${act ? 'Put back' : 'Show'} version ${v.number}`}
                onClick={() => onTake(v)}
              >
                {act ? 'Put back' : 'Show'}
              </button>
            )}
          </li>
        ))}
      </ol>
      {total > versions.length && (
        <p className={classes.dim}>{total - versions.length} older ones are kept; GraphQL lists them.</p>
      )}
    </section>
  );
}

function what(v: Version): string {
  if (v.change === 'DELETED') return 'Deleted.';
  if (v.change === 'MODE_SET') return `Mode ${modeNames[v.mode].toLowerCase()}.`;
  return `Saved, ${modeNames[v.mode].toLowerCase()}.`;
}
