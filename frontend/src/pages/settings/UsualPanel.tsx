import { figure, many } from '../../format/numbers';
import type { SettingsSourcesQuery } from '../../gql/SettingsSources';
import { Badge } from '../../ui/Badge';
import { Panel } from '../../ui/Panel';
import classes from './SettingsPage.module.css';

type Usual = NonNullable<SettingsSourcesQuery['health']['usual']>;

/** What was learned of usual behaviour, and whether that can be trusted just now. */
export function UsualPanel({ usual: u }: { usual: Usual }) {
  return (
    <Panel title="Usual behaviour" aside={<Learning usual={u} />}>
      <div className={classes.sourced}>
        <p>
          Learned from {many(u.learned, 'request')} that went well.{' '}
          {u.threshold === null
            ? 'From how far on a client is unusual is known after a whole day.'
            : `A client is unusual from a score of ${figure(u.threshold)} on.`}
        </p>
        {u.frozen && (
          <p>
            A grave incident goes on. Nothing is learned from its time, until an hour after its last trace.
          </p>
        )}
        {u.drifting.length > 0 && <p>Not what it was since today: {u.drifting.join(', ')}.</p>}
      </div>
    </Panel>
  );
}

function Learning({ usual }: { usual: Usual }) {
  if (usual.frozen) return <Badge tone="low">Paused</Badge>;
  return usual.warm ? <Badge tone="good">Ready</Badge> : <Badge tone="info">Learning</Badge>;
}
