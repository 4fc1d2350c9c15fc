import { type KeyboardEvent, useState } from 'react';

/** Whether Caps Lock is on, as far as the keys pressed in a field have told. */
export function useCapsLock(): { on: boolean; listen: { onKeyDown: Listener; onKeyUp: Listener } } {
  const [on, setOn] = useState(false);
  const look = (event: KeyboardEvent) => {
    // Some browsers fill in a field with key events that know of no modifiers.
    if (typeof event.getModifierState === 'function') setOn(event.getModifierState('CapsLock'));
  };
  return { on, listen: { onKeyDown: look, onKeyUp: look } };
}

type Listener = (event: KeyboardEvent) => void;
