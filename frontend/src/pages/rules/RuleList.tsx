import { Button } from '@mantine/core';
import { IconSearchOff } from '@tabler/icons-react';
import { useId, useState } from 'react';
import { count, many } from '../../format/numbers';
import type { RuleItemFragment } from '../../gql/RuleItem';
import { Nothing } from '../../ui/Answer';
import { type Filter, type Group, grouped, packsOf, sum } from './groups';
import { RuleCard } from './RuleCard';
import { RuleFilters } from './RuleFilters';
import classes from './RulesPage.module.css';

const all: Filter = { text: '', pack: '', mode: '' };

/** Every rule that is asked for, by pack. */
export function RuleList({
  rules,
  ...each
}: {
  rules: RuleItemFragment[];
  enforcing: boolean;
  act: boolean;
  onChanged: () => void;
}) {
  const [filter, setFilter] = useState(all);
  const groups = grouped(rules, filter);
  return (
    <>
      <RuleFilters packs={packsOf(rules)} filter={filter} onChange={setFilter} />
      {groups.length === 0 && (
        <Nothing
          icon={<IconSearchOff size={30} stroke={1.5} aria-hidden />}
          title="No rule is like that"
          action={
            <Button size="xs" variant="default" onClick={() => setFilter(all)}>
              Show all {count(rules.length)}
            </Button>
          }
        >
          Words are looked for in what a rule is called and in what it looks for.
        </Nothing>
      )}
      {groups.map((group) => (
        <Pack key={group.pack} group={group} {...each} />
      ))}
    </>
  );
}

function Pack({ group, ...each }: { group: Group; enforcing: boolean; act: boolean; onChanged: () => void }) {
  const id = useId();
  return (
    <section className={classes.pack} aria-labelledby={id}>
      <header className={classes.packHead}>
        <h2 id={id} className={classes.packName}>
          {group.pack}
        </h2>
        <p className={classes.packSum}>{standing(group.rules)}</p>
      </header>
      <ul className={classes.list} aria-label={`Rules of ${group.pack}`}>
        {group.rules.map((rule) => (
          <RuleCard key={rule.failed ? `${rule.id} failed` : rule.id} rule={rule} {...each} />
        ))}
      </ul>
    </section>
  );
}

/** "15 rules: 12 enforce, 3 in shadow. Would have refused 1,204 requests." */
export function standing(rules: RuleItemFragment[]): string {
  const { enforce, shadow, off, failed, requests, findings } = sum(rules);
  const modes = [
    enforce > 0 && `${count(enforce)} enforce${enforce === 1 ? 's' : ''}`,
    shadow > 0 && `${count(shadow)} in shadow`,
    off > 0 && `${count(off)} off`,
    failed > 0 && `${count(failed)} not in force`,
  ].filter(Boolean);
  const would =
    requests + findings > 0
      ? ` Would have acted ${many(findings, 'time')} and refused ${many(requests, 'request')}.`
      : '';
  return `${many(rules.length, 'rule')}: ${modes.join(', ')}.${would}`;
}
