import { Suspense, useEffect, useRef } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import { Bones } from '../ui/Answer';
import { Leaving } from '../ui/Leaving';
import { Toasts } from '../ui/Toasts';
import { HealthBanner } from './HealthBanner';
import { ModeBanner } from './ModeBanner';
import { Navigation } from './Navigation';
import { NotFoundPage } from './NotFoundPage';
import { PageBoundary } from './PageBoundary';
import { home, useRoutes } from './routes';
import classes from './Shell.module.css';
import { TopBar } from './TopBar';
import { useHealth } from './useHealth';

/** What stands around every page. */
export function Shell() {
  const [location] = useLocation();
  const routes = useRoutes();
  const health = useHealth();
  const section = `/${location.split('/')[1] ?? ''}`;
  const title = routes.find((r) => home(r) === section)?.title ?? 'Not found';
  const main = useRef<HTMLElement>(null);
  const shown = useRef(section);

  useEffect(() => {
    document.title = `${title} · Sentinel`;
    if (shown.current === section) return;
    shown.current = section;
    main.current?.focus({ preventScroll: true }); // who navigates by ear hears the new page
    window.scrollTo(0, 0);
  }, [section, title]);

  return (
    <Leaving>
      <div className={classes.shell}>
        <a href="#main" className={classes.skip}>
          Skip to content
        </a>
        <TopBar health={health} />
        <Navigation section={section} health={health} />
        <main id="main" ref={main} tabIndex={-1} className={classes.main} aria-label={title}>
          <HealthBanner health={health} />
          <ModeBanner health={health} />
          <PageBoundary key={section}>
            <Suspense fallback={<Bones lines={5} height={64} />}>
              <Switch>
                {routes.map((r) => (
                  <Route key={r.path} path={r.path}>
                    <r.page />
                  </Route>
                ))}
                <Route>
                  <NotFoundPage />
                </Route>
              </Switch>
            </Suspense>
          </PageBoundary>
        </main>
        <Toasts />
      </div>
    </Leaving>
  );
}
