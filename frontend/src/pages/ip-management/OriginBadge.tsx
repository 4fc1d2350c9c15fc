import { IconFileImport, IconRadar2, IconRss, IconUser } from '@tabler/icons-react';
import type { Origin } from '../../gql/schema';
import { Badge } from '../../ui/Badge';

const looks: Record<Origin, { icon: typeof IconUser; label: string }> = {
  RULE: { icon: IconRadar2, label: 'Rule' },
  OPERATOR: { icon: IconUser, label: 'Operator' },
  IMPORT: { icon: IconFileImport, label: 'Import' },
  FEED: { icon: IconRss, label: 'Feed' },
};

/** Who makes decisions of this kind. */
export function OriginBadge({ origin }: { origin: Origin }) {
  const { icon, label } = looks[origin];
  return (
    <Badge tone="info" icon={icon}>
      {label}
    </Badge>
  );
}
