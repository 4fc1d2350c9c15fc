import { Button } from '@mantine/core';
import { IconDeviceDesktop } from '@tabler/icons-react';
import { Link } from 'wouter';
import { Badge } from '../../ui/Badge';
import { links } from '../../ui/links';
import { Opened } from '../../ui/Opened';
import { ClientPart } from './ClientPart';
import classes from './Opened.module.css';

/** One client, whoever decided whatever about it. */
export function ClientOpened({
  address,
  mayChange,
  onClose,
  onAdd,
}: {
  address: string;
  mayChange: boolean;
  onClose: () => void;
  onAdd: (target: string) => void;
}) {
  return (
    <Opened
      title={address}
      badges={
        <Badge tone="info" icon={IconDeviceDesktop}>
          Client
        </Badge>
      }
      onClose={onClose}
    >
      <div className={classes.ways}>
        {mayChange && (
          <Button size="xs" variant="default" onClick={() => onAdd(address)}>
            Block, allow or monitor…
          </Button>
        )}
        <Button component={Link} href={links.client(address)} size="xs" variant="default">
          Its traffic
        </Button>
      </div>
      <ClientPart address={address} />
    </Opened>
  );
}
