import { Autocomplete, Button, Select, TextInput } from '@mantine/core';
import { IconAdjustmentsHorizontal, IconBan, IconEye, IconSearch, IconX } from '@tabler/icons-react';
import { useEffect, useId, useRef, useState } from 'react';
import { readNetwork } from '../../format/network';
import {
  everything,
  type Last,
  type ListFilter,
  local,
  longestAccount,
  methods,
  narrowed,
  readClient,
  readStatus,
  spans,
} from './filter';
import classes from './LogsFilters.module.css';

const pause = 300; // milliseconds after the last letter

/** What narrows the list. */
export function LogsFilters({
  filter,
  onChange,
}: {
  filter: ListFilter;
  onChange: (filter: ListFilter) => void;
}) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const n = narrowed(filter);
  const set = (more: Partial<ListFilter>) => onChange({ ...filter, ...more });
  const [custom, setCustom] = useState(false);
  const spanned = custom || filter.from || filter.to;
  const shown = [...methods, ...filter.methods.filter((m) => !methods.includes(m))];
  const path = useTyped(filter.path, (text) => set({ path: text.trim() }));
  const client = useTyped(filter.client, (text) => {
    const read = text.trim() ? readClient(text) : '';
    if (read !== undefined) set({ client: read });
  });
  const account = useTyped(filter.account, (text) => set({ account: text.trim() }));
  const status = useTyped(filter.status, (text) => {
    const read = text.trim() ? readStatus(text) : '';
    if (read !== undefined) set({ status: read });
  });
  const reading = client.text.trim() ? readNetwork(client.text) : undefined;

  return (
    <search className={classes.filters} data-open={open || undefined}>
      <TextInput
        className={classes.path ?? ''}
        size="xs"
        type="search"
        aria-label="Path"
        placeholder="Path contains…"
        value={path.text}
        maxLength={500}
        onChange={(e) => path.type(e.currentTarget.value)}
        leftSection={<IconSearch size={14} aria-hidden />}
      />
      <Button
        className={classes.toggle ?? ''}
        size="xs"
        variant="default"
        aria-expanded={open}
        aria-controls={id}
        leftSection={<IconAdjustmentsHorizontal size={15} aria-hidden />}
        onClick={() => setOpen(!open)}
      >
        Filters{n > 0 && ` (${n})`}
      </Button>
      <div id={id} className={classes.rest}>
        <TextInput
          className={classes.client ?? ''}
          size="xs"
          aria-label="Client"
          placeholder="Client: address or CIDR"
          spellCheck={false}
          autoComplete="off"
          value={client.text}
          maxLength={64}
          error={client.rests && reading && 'problem' in reading ? reading.problem : undefined}
          onChange={(e) => client.type(e.currentTarget.value)}
        />
        <TextInput
          className={classes.account ?? ''}
          size="xs"
          aria-label="Account"
          placeholder="Account"
          spellCheck={false}
          autoComplete="off"
          value={account.text}
          maxLength={longestAccount}
          onChange={(e) => account.type(e.currentTarget.value)}
        />
        <Autocomplete
          className={classes.status ?? ''}
          size="xs"
          aria-label="Status"
          placeholder="Status"
          data={['2xx', '3xx', '4xx', '5xx', '401', '403', '429']}
          filter={({ options }) => options}
          value={status.text}
          maxLength={3}
          error={status.rests && status.text && !readStatus(status.text) ? 'As 429 or 4xx.' : undefined}
          onChange={status.type}
        />
        <Select
          className={classes.span ?? ''}
          size="xs"
          aria-label="Time span"
          allowDeselect={false}
          data={[{ value: '', label: 'Any time' }, ...spans, { value: 'custom', label: 'From and to…' }]}
          value={spanned ? 'custom' : filter.last}
          onChange={(value) => {
            setCustom(value === 'custom');
            if (value !== 'custom') set({ last: value as Last | '', from: '', to: '' });
            else if (filter.last) set({ last: '' });
          }}
        />
        {spanned && (
          <span className={classes.between}>
            <Instant label="From" value={filter.from} onChange={(from) => set({ last: '', from })} />
            <Instant
              label="To"
              value={filter.to}
              after={filter.from}
              onChange={(to) => set({ last: '', to })}
            />
          </span>
        )}
        <fieldset className={classes.chips}>
          <legend className="only-heard">Method</legend>
          {shown.map((m) => (
            <button
              key={m}
              type="button"
              className={classes.chip}
              aria-pressed={filter.methods.includes(m)}
              onClick={() =>
                set({ methods: shown.filter((other) => filter.methods.includes(other) !== (other === m)) })
              }
            >
              {m}
            </button>
          ))}
        </fieldset>
        <fieldset className={classes.chips}>
          <legend className="only-heard">Only</legend>
          <button
            type="button"
            className={classes.chip}
            aria-pressed={filter.refused}
            onClick={() => set({ refused: !filter.refused })}
          >
            <IconBan size={13} aria-hidden /> Refused only
          </button>
          <button
            type="button"
            className={classes.chip}
            aria-pressed={filter.monitored}
            title="Of clients that a decision asks to watch"
            onClick={() => set({ monitored: !filter.monitored })}
          >
            <IconEye size={13} aria-hidden /> Watched only
          </button>
        </fieldset>
        {filter.key && (
          <span className={classes.only}>
            key <span className="mono">{filter.key}</span>
            <button type="button" aria-label="No longer only this key" onClick={() => set({ key: '' })}>
              <IconX size={13} aria-hidden />
            </button>
          </span>
        )}
        {n > 0 && (
          <Button
            className={classes.clear ?? ''}
            size="compact-xs"
            variant="subtle"
            onClick={() => {
              setCustom(false);
              onChange(everything);
            }}
          >
            Clear
          </Button>
        )}
      </div>
    </search>
  );
}

/** Local date and time, kept as an instant. */
function Instant({
  label,
  value,
  after,
  onChange,
}: {
  label: string;
  value: string;
  /** It must be later than this. */
  after?: string;
  onChange: (value: string) => void;
}) {
  const [text, setText] = useState(local(value));
  useEffect(() => setText(local(value)), [value]);
  const at = text ? new Date(text) : undefined;
  const early = at && after && at.toISOString() <= after;
  return (
    <span className={classes.instant}>
      <span aria-hidden>{label}</span>
      <TextInput
        size="xs"
        aria-label={label}
        type="datetime-local"
        step={1}
        value={text}
        error={early ? 'Must be after “From”.' : undefined}
        onChange={(e) => {
          const next = e.currentTarget.value;
          setText(next);
          const t = new Date(next);
          if (!next) onChange('');
          else if (t.getFullYear() >= 1970 && !(after && t.toISOString() <= after)) onChange(t.toISOString());
        }}
      />
    </span>
  );
}

/** Follows the address; writes to it once the typing rests. */
function useTyped(value: string, onRest: (text: string) => void) {
  const [text, setText] = useState(value);
  const [rests, setRests] = useState(true);
  const newest = useRef({ value, onRest });
  useEffect(() => {
    newest.current = { value, onRest };
  });
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (rests) return;
    const timer = setTimeout(() => {
      setRests(true);
      if (text.trim() !== newest.current.value) newest.current.onRest(text);
    }, pause);
    return () => clearTimeout(timer);
  }, [text, rests]);
  const type = (next: string) => {
    setText(next);
    setRests(false);
  };
  return { text, rests, type };
}
