import { CloseButton, NativeSelect, SegmentedControl, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import type { Filter } from './groups';
import classes from './RulesPage.module.css';

/** What narrows the list of rules. */
export function RuleFilters({
  packs,
  filter,
  onChange,
}: {
  packs: string[];
  filter: Filter;
  onChange: (filter: Filter) => void;
}) {
  return (
    <section className={classes.filters} aria-label="Filter">
      <TextInput
        className={classes.text ?? ''}
        size="xs"
        type="search"
        value={filter.text}
        maxLength={200}
        onChange={(e) => onChange({ ...filter, text: e.currentTarget.value })}
        placeholder="Name, path, words…"
        aria-label="Search in rules"
        leftSection={<IconSearch size={14} aria-hidden />}
        rightSection={
          filter.text ? (
            <CloseButton
              size="xs"
              aria-label="Clear the search"
              onClick={() => onChange({ ...filter, text: '' })}
            />
          ) : null
        }
      />
      <SegmentedControl
        size="xs"
        withItemsBorders={false}
        aria-label="Mode"
        value={filter.mode}
        onChange={(mode) => onChange({ ...filter, mode: mode as Filter['mode'] })}
        data={[
          { value: '', label: 'All' },
          { value: 'ENFORCE', label: 'Enforce' },
          { value: 'SHADOW', label: 'Shadow' },
          { value: 'OFF', label: 'Off' },
        ]}
      />
      {packs.length > 1 && (
        <NativeSelect
          size="xs"
          aria-label="Pack"
          value={filter.pack}
          onChange={(e) => onChange({ ...filter, pack: e.currentTarget.value })}
          data={[{ value: '', label: 'Every pack' }, ...packs]}
        />
      )}
    </section>
  );
}
