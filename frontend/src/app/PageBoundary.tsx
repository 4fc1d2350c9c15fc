import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Component, type ReactNode } from 'react';
import { Nothing } from '../ui/Answer';

/** Keeps the shell standing when a page falls over or its file can't be fetched. */
export class PageBoundary extends Component<{ children: ReactNode }, { fallen: boolean }> {
  override state = { fallen: false };

  static getDerivedStateFromError() {
    return { fallen: true };
  }

  override componentDidCatch(error: unknown) {
    console.error(error);
  }

  override render() {
    if (!this.state.fallen) return this.props.children;
    return (
      <div role="alert">
        <Nothing
          icon={<IconAlertTriangle size={30} stroke={1.5} aria-hidden />}
          title="This page could not be shown"
          action={
            <Button size="xs" variant="default" onClick={() => location.reload()}>
              Load it again
            </Button>
          }
        >
          The rest of the console still works. After an update of the server, loading again helps.
        </Nothing>
      </div>
    );
  }
}
