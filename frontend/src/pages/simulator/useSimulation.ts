import { useSyncExternalStore } from 'react';
import { createSimulation, type Simulation, type Snapshot } from './simulation';

/** The one of the app: a run goes on while other pages are open. */
export const theSimulation = createSimulation();

export function useSimulation(simulation: Simulation): Snapshot {
  return useSyncExternalStore(simulation.subscribe, simulation.snapshot);
}
