import { Button } from '@mantine/core';
import { IconCheck, IconFlag, IconPlayerTrackNext, IconX } from '@tabler/icons-react';
import { scenarioOf, tour } from './scenarios';
import type { Simulation, Snapshot, Tour } from './simulation';
import classes from './TourBar.module.css';

/** The guided tour: where it is, what is to be seen there, and the way on or out. */
export function TourBar({
  state,
  snapshot,
  simulation,
}: {
  state: Tour;
  snapshot: Snapshot;
  simulation: Simulation;
}) {
  const over = state.state === 'over' || state.state === 'broken';
  return (
    <section className={classes.tour} aria-labelledby="tour-title">
      <div className={classes.said}>
        <h2 id="tour-title" className={classes.title}>
          Guided tour, stop {state.stop + 1} of {tour.length}
        </h2>
        <p role="status">{said(state, snapshot)}</p>
      </div>
      <div className={classes.actions}>
        {!over && (
          <Button
            variant="default"
            disabled={state.state !== 'pausing'}
            leftSection={<IconPlayerTrackNext size={15} aria-hidden />}
            onClick={simulation.next}
          >
            Go on
          </Button>
        )}
        <Button variant={over ? 'filled' : 'default'} onClick={simulation.leaveTour}>
          {over ? 'Close' : 'Leave the tour'}
        </Button>
      </div>
      <ol className={classes.stops}>
        {tour.map((stop, i) => {
          const past =
            i < state.stop || state.state === 'over' || (i === state.stop && state.state === 'pausing');
          const broken = past && snapshot.views[stop.scenario ?? '']?.verdicts.some((v) => !v.kept);
          const here = i === state.stop && !over;
          const Icon = broken ? IconX : past ? IconCheck : IconFlag;
          return (
            <li
              key={stop.scenario ?? 'clean'}
              data-past={(past && !broken) || undefined}
              data-broken={broken || undefined}
              aria-current={here ? 'step' : undefined}
            >
              <Icon size={13} stroke={2.4} aria-hidden />
              <span className={classes.name}>{scenarioOf(stop.scenario)?.title ?? 'Clean-up'}</span>
              {(past || broken) && (
                <span className="only-heard">{broken ? ', promises broken' : ', done'}</span>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function said({ stop, state }: Tour, snapshot: Snapshot): string {
  const says = tour[stop]?.says ?? '';
  if (state === 'broken') return 'The tour was broken off, because this stop did not come to its end.';
  if (state === 'over') return `That was the tour. ${snapshot.cleaned}`;
  return says;
}
