import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOperator } from '../api/operator';

/** Leads to the simulator in the demo, where there is one. */
export function ToSimulator({ children, filled = false }: { children: ReactNode; filled?: boolean }) {
  if (!useOperator()?.demo) return null;
  return (
    <Button component={Link} href="/simulator" size="xs" variant={filled ? 'filled' : 'default'}>
      {children}
    </Button>
  );
}
