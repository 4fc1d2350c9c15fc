import { CloseButton, SegmentedControl, Select, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { count } from '../../format/numbers';
import type { IpCountsQuery } from '../../gql/IpCounts';
import type { ListFilter } from './filter';
import classes from './IPFilters.module.css';

const pause = 250; // milliseconds after the last letter

const kinds = [
  { action: '', name: 'All', of: 'all' },
  { action: 'BLOCK', name: 'Blacklist', of: 'block' },
  { action: 'ALLOW', name: 'Whitelist', of: 'allow' },
  { action: 'MONITOR', name: 'Monitored', of: 'monitor' },
] as const;

/** What narrows the list. */
export function IPFilters({
  filter,
  counts,
  onChange,
}: {
  filter: ListFilter;
  counts: IpCountsQuery | undefined;
  onChange: (filter: ListFilter) => void;
}) {
  return (
    <search className={classes.filters}>
      <fieldset className={classes.kinds}>
        <legend className="only-heard">Action</legend>
        {kinds.map((k) => (
          <button
            key={k.of}
            type="button"
            className={classes.kind}
            data-kind={k.of}
            aria-pressed={filter.action === k.action}
            onClick={() => onChange({ ...filter, action: k.action })}
          >
            {k.name}
            <span className={classes.count}>{counts ? count(counts[k.of].totalCount) : '·'}</span>
          </button>
        ))}
      </fieldset>
      <SegmentedControl
        className={classes.state ?? ''}
        size="xs"
        aria-label="State"
        value={filter.state}
        onChange={(state) => onChange({ ...filter, state: state as ListFilter['state'] })}
        data={[
          { value: 'IN_FORCE', label: 'In force' },
          { value: 'EXPIRED', label: 'Expired' },
          { value: 'LIFTED', label: 'Lifted' },
          { value: 'ALL', label: 'Any' },
        ]}
      />
      <Select
        className={classes.origin ?? ''}
        size="xs"
        aria-label="Made by"
        allowDeselect={false}
        value={filter.origin}
        onChange={(origin) => onChange({ ...filter, origin: (origin ?? '') as ListFilter['origin'] })}
        data={[
          { value: '', label: 'By anyone' },
          { value: 'RULE', label: 'By a rule' },
          { value: 'OPERATOR', label: 'By an operator' },
          { value: 'IMPORT', label: 'Imported' },
          { value: 'FEED', label: 'From a feed' },
        ]}
      />
      <Text filter={filter} onChange={onChange} />
    </search>
  );
}

/** Follows the address; writes to it once the typing rests. */
function Text({ filter, onChange }: { filter: ListFilter; onChange: (filter: ListFilter) => void }) {
  const [typed, setTyped] = useState(filter.text);
  const newest = useRef({ filter, onChange });
  useEffect(() => {
    newest.current = { filter, onChange };
  });
  useEffect(() => setTyped(filter.text), [filter.text]);
  useEffect(() => {
    if (typed.trim() === newest.current.filter.text) return;
    const timer = setTimeout(
      () => newest.current.onChange({ ...newest.current.filter, text: typed.trim() }),
      pause,
    );
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <TextInput
      className={classes.text ?? ''}
      size="xs"
      type="search"
      value={typed}
      maxLength={200}
      onChange={(e) => setTyped(e.currentTarget.value)}
      onKeyDown={(e) => {
        if (e.key !== 'Escape' || !typed) return;
        e.preventDefault(); // the first Escape clears, the next one closes what is open
        setTyped('');
      }}
      placeholder="Address or words…"
      aria-label="Search in decisions"
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={
        typed ? <CloseButton size="xs" aria-label="Clear the search" onClick={() => setTyped('')} /> : null
      }
    />
  );
}
