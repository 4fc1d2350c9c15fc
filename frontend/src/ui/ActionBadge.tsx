import { IconBan, IconEye, IconGauge, IconShieldCheck } from '@tabler/icons-react';
import type { Action, Origin } from '../gql/schema';
import { Badge, type Tone } from './Badge';

const looks: Record<Action, { tone: Tone; icon: typeof IconBan; label: string }> = {
  BLOCK: { tone: 'bad', icon: IconBan, label: 'Block' },
  THROTTLE: { tone: 'warn', icon: IconGauge, label: 'Throttle' },
  MONITOR: { tone: 'low', icon: IconEye, label: 'Monitor' },
  ALLOW: { tone: 'good', icon: IconShieldCheck, label: 'Allow' },
};

export const actions: Action[] = ['BLOCK', 'THROTTLE', 'MONITOR', 'ALLOW'];

export function actionLabel(action: Action): string {
  return looks[action].label;
}

/** What a decision does to whom it names. */
export function ActionBadge({ action }: { action: Action }) {
  const { tone, icon, label } = looks[action];
  return (
    <Badge tone={tone} icon={icon}>
      {label}
    </Badge>
  );
}

const origins: Record<Origin, string> = {
  RULE: 'by a rule',
  OPERATOR: 'by an operator',
  IMPORT: 'imported',
  FEED: 'from a feed',
};

export function originLabel(origin: Origin): string {
  return origins[origin];
}
