import { useSyncExternalStore } from 'react';

export interface Toast {
  id: number;
  kind: 'done' | 'failed';
  text: string;
  /** One step back, offered as a button. */
  undo?: () => void;
}

let shown: Toast[] = [];
let lastID = 0;
const watchers = new Set<() => void>();

function show(next: Toast[]): void {
  shown = next;
  for (const tell of watchers) tell();
}

function add(kind: Toast['kind'], text: string, undo?: () => void): void {
  const one: Toast = { id: ++lastID, kind, text, ...(undo && { undo }) };
  show([...shown.slice(-3), one]);
  setTimeout(() => dismiss(one.id), kind === 'failed' || undo ? 12_000 : 6_000);
}

export function dismiss(id: number): void {
  if (shown.some((t) => t.id === id)) show(shown.filter((t) => t.id !== id));
}

/** Says in passing what was done or what failed. Never the only place where something important stands. */
export const toast = {
  done: (text: string, undo?: () => void) => add('done', text, undo),
  failed: (text: string) => add('failed', text),
};

export function useToasts(): Toast[] {
  return useSyncExternalStore(
    (tell) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    () => shown,
  );
}
