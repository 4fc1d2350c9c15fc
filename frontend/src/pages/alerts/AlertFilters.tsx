import { CloseButton, SegmentedControl, TextInput } from '@mantine/core';
import { IconSearch, IconX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import type { Severity } from '../../gql/schema';
import { severities, severityLabel } from '../../ui/SeverityBadge';
import classes from './AlertFilters.module.css';
import { type ListFilter, linked } from './filter';

const pause = 250; // milliseconds after the last letter

/** What narrows the list. */
export function AlertFilters({
  filter,
  onChange,
}: {
  filter: ListFilter;
  onChange: (filter: ListFilter) => void;
}) {
  const toggle = (severity: Severity) =>
    onChange({
      ...filter,
      severities: severities.filter((s) => filter.severities.includes(s) !== (s === severity)),
    });
  return (
    <section className={classes.filters} aria-label="Filter">
      <SegmentedControl
        size="xs"
        withItemsBorders={false}
        aria-label="Status"
        value={filter.status}
        onChange={(status) => onChange({ ...filter, status: status as ListFilter['status'] })}
        data={[
          { value: 'OPEN', label: 'Open' },
          { value: 'RESOLVED', label: 'Resolved' },
          { value: 'ALL', label: 'All' },
        ]}
      />
      <fieldset className={classes.severities}>
        <legend className="only-heard">Severity</legend>
        {severities.map((s) => (
          <button
            key={s}
            type="button"
            className={classes.severity}
            data-severity={s}
            aria-pressed={filter.severities.includes(s)}
            onClick={() => toggle(s)}
          >
            <span className={classes.dot} aria-hidden />
            {severityLabel(s)}
          </button>
        ))}
      </fieldset>
      <Text filter={filter} onChange={onChange} />
      {linked.map(
        (name) =>
          filter[name] && (
            <span key={name} className={classes.chip}>
              {name} <bdi className="mono">{filter[name]}</bdi>
              <button
                type="button"
                aria-label={`No longer only this ${name}`}
                onClick={() => onChange({ ...filter, [name]: '' })}
              >
                <IconX size={13} aria-hidden />
              </button>
            </span>
          ),
      )}
    </section>
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
      placeholder="Address, key, path, words…"
      aria-label="Search in alerts"
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={
        typed ? <CloseButton size="xs" aria-label="Clear the search" onClick={() => setTyped('')} /> : null
      }
    />
  );
}
