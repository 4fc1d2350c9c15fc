import {
  IconActivityHeartbeat,
  IconAlertTriangle,
  IconListDetails,
  IconListSearch,
  IconListTree,
  IconSettings,
  IconShieldLock,
  IconSwords,
  IconTerminal2,
  IconTopologyStar3,
} from '@tabler/icons-react';
import { type FunctionComponent, lazy, useMemo } from 'react';
import { useOperator } from '../api/operator';

/** A page. Its line here is also its place in the navigation and in the search. */
export interface Route {
  /** A wouter pattern; what comes before the first `:` is the address in the navigation. */
  path: string;
  title: string;
  icon: typeof IconSwords;
  page: FunctionComponent;
  /** It is there in the demo only. */
  demo?: true;
}

/** Fetched when it is first visited, so that nobody waits for pages they don't open. */
function page<Name extends string>(
  load: () => Promise<Record<Name, FunctionComponent>>,
  name: Name,
): FunctionComponent {
  return lazy<FunctionComponent>(async () => ({ default: (await load())[name] }));
}

export const routes: Route[] = [
  {
    path: '/',
    title: 'Dashboard',
    icon: IconActivityHeartbeat,
    page: page(() => import('../pages/dashboard/DashboardPage'), 'DashboardPage'),
  },
  {
    path: '/alerts/:id?',
    title: 'Alerts',
    icon: IconAlertTriangle,
    page: page(() => import('../pages/alerts/AlertsPage'), 'AlertsPage'),
  },
  {
    path: '/incidents/:id?',
    title: 'Incidents',
    icon: IconTopologyStar3,
    page: page(() => import('../pages/incidents/IncidentsPage'), 'IncidentsPage'),
  },
  {
    path: '/logs/:id?',
    title: 'Logs',
    icon: IconListDetails,
    page: page(() => import('../pages/logs/LogsPage'), 'LogsPage'),
  },
  {
    path: '/ip-management/:id?',
    title: 'IP management',
    icon: IconShieldLock,
    page: page(() => import('../pages/ip-management/IPManagementPage'), 'IPManagementPage'),
  },
  {
    path: '/rules/:id?',
    title: 'Rules',
    icon: IconListSearch,
    page: page(() => import('../pages/rules/RulesPage'), 'RulesPage'),
  },
  {
    path: '/inventory',
    title: 'Inventory',
    icon: IconListTree,
    page: page(() => import('../pages/inventory/InventoryPage'), 'InventoryPage'),
  },
  {
    path: '/simulator',
    title: 'Simulator',
    icon: IconSwords,
    demo: true,
    page: page(() => import('../pages/simulator/SimulatorPage'), 'SimulatorPage'),
  },
  {
    path: '/playground',
    title: 'Playground',
    icon: IconTerminal2,
    page: page(() => import('../pages/playground/PlaygroundPage'), 'PlaygroundPage'),
  },
  {
    path: '/settings',
    title: 'Settings',
    icon: IconSettings,
    page: page(() => import('../pages/settings/SettingsPage'), 'SettingsPage'),
  },
];

/** The pages that there are here. */
export function useRoutes(): Route[] {
  const demo = useOperator()?.demo ?? false;
  return useMemo(() => routes.filter((r) => demo || !r.demo), [demo]);
}

/** The address of a page without parameters. */
export function home(route: Route): string {
  return route.path.split('/:')[0] || '/';
}
