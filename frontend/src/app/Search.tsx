import { Modal } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import {
  IconAlertTriangle,
  IconArrowRight,
  IconArrowsLeftRight,
  IconDeviceDesktop,
  IconSearch,
  IconShieldLock,
  IconTopologyStar3,
  IconUser,
} from '@tabler/icons-react';
import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import { useLocation } from 'wouter';
import { explain } from '../api/explain';
import { useQuery } from '../api/useQuery';
import { SearchHitsDocument, type SearchHitsQuery } from '../gql/SearchHits';
import type { HitKind } from '../gql/schema';
import { links } from '../ui/links';
import { home, type Route, useRoutes } from './routes';
import classes from './Search.module.css';

type Hit = SearchHitsQuery['search'][number];

const kinds: Record<HitKind, { name: string; icon: typeof IconSearch; to: (hit: Hit) => string }> = {
  ALERT: { name: 'Alert', icon: IconAlertTriangle, to: (h) => links.alert(h.id) },
  INCIDENT: { name: 'Incident', icon: IconTopologyStar3, to: (h) => links.incident(h.id) },
  DECISION: { name: 'Decision', icon: IconShieldLock, to: (h) => links.decision(h.id) },
  EXCHANGE: { name: 'Exchange', icon: IconArrowsLeftRight, to: (h) => links.exchange(h.id) },
  ACCOUNT: { name: 'Account', icon: IconUser, to: (h) => links.account(h.id) },
  CLIENT: { name: 'Client', icon: IconDeviceDesktop, to: (h) => links.client(h.id) },
};

interface Choice {
  key: string;
  icon: typeof IconSearch;
  label: string;
  detail: string;
  to: string;
}

function choicesOf(routes: Route[], text: string, hits: Hit[]): Choice[] {
  const wanted = text.trim().toLowerCase();
  const pages = routes
    .filter((r) => r.title.toLowerCase().includes(wanted))
    .map((r) => ({ key: r.path, icon: r.icon, label: r.title, detail: 'Page', to: home(r) }));
  const found = hits.map((h) => {
    const { name, icon, to } = kinds[h.kind];
    return { key: `${h.kind} ${h.id}`, icon, label: h.label, detail: `${name} · ${h.detail}`, to: to(h) };
  });
  return wanted ? [...found, ...pages] : pages;
}

/** Finds what an operator was told: a reference, an address, a word of an alert; or a page. */
export function Search({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [text, setText] = useState('');
  const [settled] = useDebouncedValue(text.trim(), 150);
  const [chosen, setChosen] = useState(0);
  const [, go] = useLocation();
  const id = useId();
  const query = useQuery(SearchHitsDocument, { text: settled }, { pause: !opened || settled === '' });

  const hits = settled === '' ? [] : (query.data?.search ?? []);
  const choices = choicesOf(useRoutes(), text, hits);
  const at = Math.min(chosen, Math.max(0, choices.length - 1));

  useEffect(() => {
    if (opened) setText('');
  }, [opened]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other words, other list: begin at its top
  useEffect(() => setChosen(0), [text]);
  useEffect(() => {
    document.getElementById(`${id}-${at}`)?.scrollIntoView?.({ block: 'nearest' });
  }, [id, at]);

  const open = (choice: Choice | undefined) => {
    if (!choice) return;
    go(choice.to);
    onClose();
  };
  const keys = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      setChosen((at + by + choices.length) % Math.max(1, choices.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      open(choices[at]);
    }
  };

  return (
    <Modal.Root opened={opened} onClose={onClose} size="lg" yOffset="10vh" transitionProps={{ duration: 90 }}>
      <Modal.Overlay />
      <Modal.Content aria-label="Search">
        <div className={classes.field}>
          <IconSearch size={18} aria-hidden />
          <input
            data-autofocus
            className={classes.input}
            role="combobox"
            aria-label="Search"
            aria-expanded="true"
            aria-controls={`${id}-list`}
            aria-activedescendant={choices.length ? `${id}-${at}` : undefined}
            autoComplete="off"
            spellCheck={false}
            placeholder="Reference, address, or words of an alert"
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={keys}
          />
          <kbd>Esc</kbd>
        </div>
        <div id={`${id}-list`} role="listbox" aria-label="Found" className={classes.list}>
          {choices.map((c, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the input above has the keyboard, see aria-activedescendant
            <div
              key={c.key}
              id={`${id}-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === at}
              className={classes.choice}
              onClick={() => open(c)}
              onMouseMove={() => setChosen(i)}
            >
              <c.icon size={18} stroke={1.7} aria-hidden />
              <span className={classes.words}>
                <span className={classes.label}>{c.label}</span>
                <span className={classes.detail}>{c.detail}</span>
              </span>
              <IconArrowRight size={15} className={classes.arrow} aria-hidden />
            </div>
          ))}
        </div>
        <p className={classes.foot} role="status">
          {foot(text, settled, query, hits.length)}
        </p>
      </Modal.Content>
    </Modal.Root>
  );
}

function foot(
  text: string,
  settled: string,
  query: ReturnType<typeof useQuery<SearchHitsQuery, { text: string }>>,
  found: number,
) {
  if (text.trim() === '') return 'Type to search, arrows to choose, Enter to open.';
  if (query.error) return explain(query.error);
  if (query.waiting || settled !== text.trim()) return 'Searching…';
  return found === 0 ? `Nothing is known of “${settled}”.` : `${found} found.`;
}
