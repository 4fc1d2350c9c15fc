import type { Scenario } from '../../../../simulator/play';
import stops from '../../../../simulator/tour.json';

const files = import.meta.glob<Scenario>('../../../../simulator/scenarios/*.json', {
  eager: true,
  import: 'default',
});

/** What there is to play, in the order in which it is shown. */
export const scenarios: Scenario[] = Object.values(files).sort((a, b) => a.order - b.order);

export function scenarioOf(id: string | null | undefined): Scenario | undefined {
  return scenarios.find((s) => s.id === id);
}

/** Whether a scenario takes pauses, which can be cut short. */
export function takesTime(scenario: Scenario): boolean {
  return scenario.actors.some((g) => g.starts || g.steps.some((s) => (s.pace?.to ?? 0) > 500));
}

/** A stop of the guided tour: a scenario to play, or the clean-up at its end. */
export interface Stop {
  scenario?: string;
  clean?: boolean;
  says: string;
}

export const tour: Stop[] = stops;
