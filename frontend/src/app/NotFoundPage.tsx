import { IconMapPinOff } from '@tabler/icons-react';
import { Link, useLocation } from 'wouter';
import { Nothing } from '../ui/Answer';
import { PageHeader } from '../ui/PageHeader';

export function NotFoundPage() {
  const [location] = useLocation();
  return (
    <>
      <PageHeader title="Not found" />
      <Nothing
        icon={<IconMapPinOff size={30} stroke={1.5} aria-hidden />}
        title="There is no such page"
        action={<Link href="/">To the dashboard</Link>}
      >
        Nothing of the console is at <span className="mono">{location}</span>.
      </Nothing>
    </>
  );
}
