import { Button } from '@mantine/core';
import { IconMap2, IconSparkles } from '@tabler/icons-react';
import { useEffect } from 'react';
import { useSearchParams } from 'wouter';
import type { Scenario } from '../../../../simulator/play';
import { useQuery } from '../../api/useQuery';
import { many } from '../../format/numbers';
import { SimulatorRulesDocument } from '../../gql/SimulatorRules';
import { PageHeader } from '../../ui/PageHeader';
import { ScenarioList } from './ScenarioList';
import classes from './SimulatorPage.module.css';
import { Stage } from './Stage';
import { scenarioOf, scenarios, tour } from './scenarios';
import type { Simulation } from './simulation';
import { TourBar } from './TourBar';
import { theSimulation, useSimulation } from './useSimulation';

/** Attacks at the press of a button, with real requests, and whether what was promised came true. */
export function SimulatorPage({ simulation = theSimulation }: { simulation?: Simulation }) {
  const state = useSimulation(simulation);
  const rules = useQuery(SimulatorRulesDocument).data?.rules ?? [];
  const [search, setSearch] = useSearchParams();
  const chosen = scenarioOf(search.get('scenario')) ?? scenarioOf(state.running);
  const scenario = chosen ?? (scenarios[1] as Scenario);
  const touring = state.tour?.state === 'playing' || state.tour?.state === 'pausing';
  const busy = state.running !== null || state.cleaning || touring;
  const choose = (id: string) => setSearch({ scenario: id }, { replace: true });

  useEffect(() => simulation.look(scenario), [simulation, scenario]);

  // The tour says where to look, and what it showed last stays.
  const stop = touring && state.tour ? tour[state.tour.stop]?.scenario : undefined;
  useEffect(() => {
    if (stop) setSearch({ scenario: stop }, { replace: true });
  }, [stop, setSearch]);
  const view = state.views[scenario.id];

  return (
    <>
      <PageHeader
        title="Simulator"
        actions={
          <>
            <Button
              variant="default"
              leftSection={<IconSparkles size={16} aria-hidden />}
              rightSection={state.left > 0 && <span className={classes.left}>{state.left}</span>}
              aria-label={state.left > 0 ? `Clean up after ${many(state.left, 'run')}` : 'Clean up'}
              title="Lifts the blocks and resolves the alerts of your runs"
              disabled={busy || state.left === 0}
              loading={state.cleaning}
              onClick={() => void simulation.clean().catch(() => {})}
            >
              Clean up
            </Button>
            <Button
              variant="default"
              leftSection={<IconMap2 size={16} aria-hidden />}
              disabled={busy}
              onClick={simulation.startTour}
            >
              Guided tour
            </Button>
          </>
        }
      >
        Attack the sandbox bank with real requests, and see whether each promise comes true.
      </PageHeader>
      <p className={classes.cleaned} role="status">
        {!state.tour && state.cleaned}
      </p>
      {state.tour && <TourBar state={state.tour} snapshot={state} simulation={simulation} />}
      <div className={classes.page}>
        <ScenarioList
          chosen={scenario.id}
          views={state.views}
          locked={state.tour !== null}
          onChoose={choose}
        />
        {view && (
          <Stage
            key={scenario.id}
            scenario={scenario}
            view={view}
            rules={rules}
            running={scenarioOf(state.running)}
            locked={state.cleaning || touring}
            onRun={(pace) => void simulation.run(scenario, pace)}
            onStop={simulation.stop}
          />
        )}
      </div>
    </>
  );
}
