import { many } from '../format/numbers';
import type { HammeringFragment } from '../gql/Hammering';
import type { Action } from '../gql/schema';
import { Time } from './Time';

/** Whether decisions of this kind refuse anything. */
export const refuses = (action: Action): boolean => action === 'BLOCK' || action === 'THROTTLE';

/** How often whom a decision refuses asked all the same, and when last. */
export function Hammering({ of: { hammering: h } }: { of: HammeringFragment }) {
  if (!h) return 'nothing';
  return (
    <>
      {many(h.requests, 'request')}, the last <Time at={h.lastAt} />
    </>
  );
}
