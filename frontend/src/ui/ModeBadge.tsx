import { IconEye, IconPlayerPause, IconShieldCheck } from '@tabler/icons-react';
import type { GatewayMode, RuleMode } from '../gql/schema';
import { Badge, type Tone } from './Badge';

const looks: Record<RuleMode, { tone: Tone; icon: typeof IconEye; label: string }> = {
  ENFORCE: { tone: 'good', icon: IconShieldCheck, label: 'Enforce' },
  SHADOW: { tone: 'low', icon: IconEye, label: 'Shadow' },
  OFF: { tone: 'info', icon: IconPlayerPause, label: 'Off' },
};

/** What a rule does with what it finds; `idle` when the gateway lets it refuse nobody. */
export function RuleModeBadge({ mode, idle = false }: { mode: RuleMode; idle?: boolean }) {
  const { tone, icon, label } = looks[mode];
  return (
    <Badge tone={idle && mode === 'ENFORCE' ? 'info' : tone} icon={icon}>
      {label}
    </Badge>
  );
}

/** What the whole gateway does with what it judges. */
export function GatewayModeBadge({ mode }: { mode: GatewayMode }) {
  return mode === 'ENFORCE' ? (
    <Badge tone="good" icon={IconShieldCheck}>
      Enforce
    </Badge>
  ) : (
    <Badge tone="low" icon={IconEye}>
      Observe
    </Badge>
  );
}
