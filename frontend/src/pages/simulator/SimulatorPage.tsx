import { PageHeader } from '../../ui/PageHeader';

export function SimulatorPage() {
  return <PageHeader title="Simulator" />;
}
