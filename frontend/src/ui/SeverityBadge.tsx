import {
  IconAlertOctagonFilled,
  IconAlertTriangleFilled,
  IconArrowDownCircle,
  IconInfoCircle,
  IconUrgent,
} from '@tabler/icons-react';
import type { Severity } from '../gql/schema';
import { Badge, type Tone } from './Badge';

const looks: Record<Severity, { tone: Tone; icon: typeof IconUrgent; label: string }> = {
  CRITICAL: { tone: 'critical', icon: IconAlertOctagonFilled, label: 'Critical' },
  HIGH: { tone: 'high', icon: IconUrgent, label: 'High' },
  MEDIUM: { tone: 'medium', icon: IconAlertTriangleFilled, label: 'Medium' },
  LOW: { tone: 'low', icon: IconArrowDownCircle, label: 'Low' },
  INFO: { tone: 'info', icon: IconInfoCircle, label: 'Info' },
};

/** From the worst to the least, as lists and filters show them. */
export const severities: Severity[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'];

export function severityLabel(severity: Severity): string {
  return looks[severity].label;
}

export function SeverityBadge({ severity }: { severity: Severity }) {
  const { tone, icon, label } = looks[severity];
  return (
    <Badge tone={tone} icon={icon}>
      {label}
    </Badge>
  );
}
