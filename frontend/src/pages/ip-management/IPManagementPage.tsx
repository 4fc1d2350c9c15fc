import { PageHeader } from '../../ui/PageHeader';

export function IPManagementPage() {
  return <PageHeader title="IP management" />;
}
