import { PageHeader } from '../../ui/PageHeader';

export function LogsPage() {
  return <PageHeader title="Logs" />;
}
