import { PageHeader } from '../../ui/PageHeader';

export function AlertsPage() {
  return <PageHeader title="Alerts" />;
}
