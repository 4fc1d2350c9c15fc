import {
  IconArrowForwardUp,
  IconBan,
  IconCheck,
  IconCircleCheck,
  IconCircleDot,
  IconClockOff,
  IconExclamationMark,
  IconLockOpen,
  IconServerBolt,
} from '@tabler/icons-react';
import type { AlertStatus, DecisionState } from '../gql/schema';
import { Badge, type Tone } from './Badge';

/** Whether somebody still has to look at an alert or an incident. */
export function AlertStatusBadge({ status }: { status: AlertStatus }) {
  return status === 'OPEN' ? (
    <Badge tone="warn" icon={IconCircleDot}>
      Open
    </Badge>
  ) : (
    <Badge tone="good" icon={IconCircleCheck}>
      Resolved
    </Badge>
  );
}

const states: Record<DecisionState, { tone: Tone; icon: typeof IconCheck; label: string }> = {
  IN_FORCE: { tone: 'warn', icon: IconCircleDot, label: 'In force' },
  EXPIRED: { tone: 'info', icon: IconClockOff, label: 'Expired' },
  LIFTED: { tone: 'good', icon: IconLockOpen, label: 'Lifted' },
};

export function DecisionStateBadge({ state }: { state: DecisionState }) {
  const { tone, icon, label } = states[state];
  return (
    <Badge tone={tone} icon={icon}>
      {label}
    </Badge>
  );
}

/** An HTTP status: what the API or, when refused, the gateway answered; a dash when nobody told. */
export function StatusBadge({ status, refused = false }: { status: number; refused?: boolean }) {
  if (status === 0 && !refused)
    return (
      <Badge tone="info">
        <span aria-hidden title="Its answer is not known">
          –
        </span>
        <span className="only-heard">answer not known</span>
      </Badge>
    );
  if (refused)
    return (
      <Badge tone="bad" icon={IconBan}>
        {status} refused
      </Badge>
    );
  const [tone, icon] = httpLook(status);
  return (
    <Badge tone={tone} icon={icon}>
      {status}
    </Badge>
  );
}

function httpLook(status: number): [Tone, typeof IconCheck] {
  if (status >= 500) return ['bad', IconServerBolt];
  if (status >= 400) return ['warn', IconExclamationMark];
  if (status >= 300) return ['info', IconArrowForwardUp];
  return ['good', IconCheck];
}
