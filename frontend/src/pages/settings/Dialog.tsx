import { Modal } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { ReactNode } from 'react';

/** A dialog of this page; `held` closes by its own buttons only, as what it shows is shown once. */
export function Dialog({
  opened,
  title,
  held = false,
  onClose,
  children,
}: {
  opened: boolean;
  title: string;
  held?: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  const phone = useMediaQuery('(max-width: 560px)', undefined, { getInitialValueInEffect: false });
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      size="md"
      fullScreen={phone ?? false}
      closeOnClickOutside={!held}
      closeOnEscape={!held}
      withCloseButton={!held}
      closeButtonProps={{ 'aria-label': 'Close' }}
      attributes={{ header: { role: 'none' } }} // a header of the dialog, not of the page
    >
      {children}
    </Modal>
  );
}
