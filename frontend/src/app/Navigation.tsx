import { IconDots } from '@tabler/icons-react';
import { useEffect, useId, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useLive } from '../api/useLive';
import { useQuery } from '../api/useQuery';
import { compact } from '../format/numbers';
import { NavigationCountsDocument } from '../gql/NavigationCounts';
import { NavigationNewsDocument } from '../gql/NavigationNews';
import { NavigationRaisedDocument } from '../gql/NavigationRaised';
import classes from './Navigation.module.css';
import { home, type Route, useRoutes } from './routes';
import type { Health } from './useHealth';

const onPhone = 4; // that many pages fit at the bottom of a phone, the others are behind "More"

/** Where one can go: at the side, or at the bottom of a phone. */
export function Navigation({ section, health }: { section: string; health: Health | undefined }) {
  const [more, setMore] = useState(false);
  const routes = useRoutes();
  const menu = useRef<HTMLElement>(null);
  const id = useId();
  const counts = useQuery(NavigationCountsDocument);
  useLive(NavigationRaisedDocument, counts.refetch, { every: 2_000 });
  useLive(NavigationNewsDocument, counts.refetch, { every: 2_000 });
  const open = counts.data?.alerts.totalCount ?? 0;

  // biome-ignore lint/correctness/useExhaustiveDependencies: going somewhere closes the menu
  useEffect(() => setMore(false), [section]);
  useEffect(() => {
    if (!more) return;
    const close = (event: Event) => {
      if (
        event instanceof KeyboardEvent
          ? event.key === 'Escape'
          : !menu.current?.contains(event.target as Node)
      )
        setMore(false);
    };
    addEventListener('keydown', close);
    addEventListener('pointerdown', close);
    return () => {
      removeEventListener('keydown', close);
      removeEventListener('pointerdown', close);
    };
  }, [more]);

  const item = (route: Route, place: number) => {
    const at = home(route);
    const badge = at === '/alerts' && open > 0 ? open : undefined;
    return (
      <li key={at} data-late={place >= onPhone || undefined}>
        <Link
          href={at}
          className={classes.link}
          aria-current={section === at ? 'page' : undefined}
          title={route.title}
        >
          <route.icon size={19} stroke={1.7} aria-hidden />
          <span className={classes.title}>{route.title}</span>
          {badge !== undefined && (
            <span className={classes.count}>
              {compact(badge)}
              <span className="only-heard"> open</span>
            </span>
          )}
        </Link>
      </li>
    );
  };

  const late = routes.slice(onPhone).some((r) => home(r) === section);
  return (
    <nav ref={menu} className={classes.nav} aria-label="Pages" data-more={more || undefined}>
      <ul id={id} className={classes.list}>
        {routes.map(item)}
        <li className={classes.moreItem}>
          <button
            type="button"
            className={classes.link}
            aria-expanded={more}
            aria-controls={id}
            data-current={late || undefined}
            onClick={() => setMore(!more)}
          >
            <IconDots size={19} stroke={1.7} aria-hidden />
            <span className={classes.title}>More</span>
          </button>
        </li>
      </ul>
      {health && (
        <p className={classes.foot}>
          <span>Version {health.version}</span>
          <span title="This node">{health.node}</span>
        </p>
      )}
    </nav>
  );
}
