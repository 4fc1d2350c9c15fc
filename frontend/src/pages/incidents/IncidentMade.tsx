import { Link } from 'wouter';
import { useQuery } from '../../api/useQuery';
import { count, many } from '../../format/numbers';
import { IncidentMadeDocument, type IncidentMadeQuery } from '../../gql/IncidentMade';
import { links } from '../../ui/links';
import { Part } from '../../ui/Opened';
import { type Column, Table } from '../../ui/Table';
import { Clock } from '../../ui/Time';
import classes from './IncidentOpened.module.css';
import { Score } from './Score';

type Made = NonNullable<IncidentMadeQuery['incident']>;

/** What an incident is made of: its score with reasons, its stages, and all that take part. */
export function IncidentMade({ id }: { id: string }) {
  const { data } = useQuery(IncidentMadeDocument, { id });
  const made = data?.incident;
  if (!made) return null;
  const sources = made.sources.edges.map((e) => e.node);
  return (
    <>
      <Part title={`Score ${made.score} of 100`} aside={made.parent && <Continues of={made.parent} />}>
        <Score score={made.score} />
        <Table
          label="Reasons of the score"
          columns={reasonColumns}
          rows={made.reasons}
          keyOf={(r) => r.what}
        />
      </Part>
      <Part
        title="By stage"
        aside={
          made.accountCount > 0
            ? `${many(made.accountCount, 'account')} touched: ${made.accounts.join(', ')}`
            : null
        }
      >
        <Table
          label="Stages of the attack"
          columns={stageColumns}
          rows={made.stages}
          keyOf={(s) => s.stage}
        />
      </Part>
      <Part
        title="Sources"
        aside={`${many(made.weakCount, 'source')} without an alert${made.sources.pageInfo.hasNextPage ? `; the first ${count(sources.length)}` : ''}`}
      >
        <Table
          label="Sources of this incident"
          columns={sourceColumns}
          rows={sources}
          keyOf={(s) => s.target.label}
        />
      </Part>
    </>
  );
}

function Continues({ of: parent }: { of: NonNullable<Made['parent']> }) {
  return (
    <Link href={links.incident(parent.id)} className={classes.more}>
      Continues {parent.reference}
    </Link>
  );
}

const reasonColumns: Column<Made['reasons'][number]>[] = [
  { head: 'Why', cell: (r) => r.what },
  { head: 'Points', width: '80px', cell: (r) => r.points },
];

const stageColumns: Column<Made['stages'][number]>[] = [
  { head: 'Stage', width: '150px', cell: (s) => s.stage || 'Of no stage' },
  { head: 'What was found', cell: (s) => `${s.titles.join(', ')}${s.success ? ' (it succeeded)' : ''}` },
  { head: 'Times', width: '70px', cell: (s) => count(s.findings) },
  { head: 'From', width: '92px', cell: (s) => <Clock at={s.firstAt} /> },
  { head: 'To', width: '92px', cell: (s) => <Clock at={s.lastAt} /> },
];

const sourceColumns: Column<Made['sources']['edges'][number]['node']>[] = [
  { head: 'Source', cell: (s) => <span className="mono">{s.target.label}</span> },
  { head: 'Found by', cell: (s) => `${s.rule}${s.weak ? ', weak by itself' : ''}` },
  { head: 'First seen', width: '92px', cell: (s) => <Clock at={s.firstAt} /> },
];
