import { SegmentedControl } from '@mantine/core';
import { IconRadar2 } from '@tabler/icons-react';
import { useCallback, useMemo, useState } from 'react';
import { useOperator } from '../../api/operator';
import { useLive } from '../../api/useLive';
import { useQuery } from '../../api/useQuery';
import { Chart } from '../../charts/Chart';
import type { Palette } from '../../charts/palette';
import { sentences, type TrafficStep, trafficTimeline } from '../../charts/trafficTimeline';
import { count, many } from '../../format/numbers';
import { DashboardTickedDocument } from '../../gql/DashboardTicked';
import { DashboardTimelineDocument, type DashboardTimelineQuery } from '../../gql/DashboardTimeline';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { Panel } from '../../ui/Panel';
import { ToSimulator } from '../../ui/ToSimulator';
import classes from './Traffic.module.css';
import { type Point, parts, remember, type Window, windows, withTicks } from './timeline';

const height = 296;

/** Traffic over time, moving with every tick. */
export function Traffic({ className }: { className?: string | undefined }) {
  const [chosen, setChosen] = useState<Window>(windows[1]);
  const [ticks, setTicks] = useState<Point[]>([]);
  const query = useQuery(DashboardTimelineDocument, { window: chosen.window, step: chosen.step });
  useLive(DashboardTickedDocument, query.refetch, {
    every: 60_000,
    seen: ({ timelineTicked }) => setTicks((was) => remember(was, timelineTicked)),
  });
  return (
    <Panel
      title="Traffic"
      className={className ?? ''}
      aside={
        <SegmentedControl
          size="xs"
          aria-label="Window"
          data={windows.map((w) => ({ value: w.window, label: w.label }))}
          value={chosen.window}
          onChange={(value) => setChosen(windows.find((w) => w.window === value) ?? windows[1])}
        />
      }
    >
      <Answer of={query} bones={<Bones lines={1} height={height + 28} />}>
        {(data) => <Picture data={data} ticks={ticks} window={chosen} />}
      </Answer>
    </Panel>
  );
}

function Picture({ data, ticks, window }: { data: DashboardTimelineQuery; ticks: Point[]; window: Window }) {
  const demo = useOperator()?.demo;
  const steps = useMemo<TrafficStep[]>(
    () =>
      withTicks(data.points, data.minutes, ticks, window.minutes).map((p) => ({
        at: p.at,
        alerts: p.alerts,
        ...parts(p),
      })),
    [data, ticks, window],
  );
  const option = useCallback(
    (palette: Palette) => trafficTimeline(steps, window.minutes, palette),
    [steps, window],
  );
  const total = (of: (s: TrafficStep) => number) => steps.reduce((sum, s) => sum + of(s), 0);
  const passed = total((s) => s.passed);
  const failed = total((s) => s.failed);
  const refused = total((s) => s.refused);
  const alerts = total((s) => s.alerts);

  if (passed + failed + refused === 0)
    return (
      <div className={classes.quiet} style={{ minHeight: height + 28 }}>
        <Nothing
          icon={<IconRadar2 size={34} stroke={1.4} aria-hidden />}
          title="No traffic yet"
          action={<ToSimulator filled>Start the simulator</ToSimulator>}
        >
          Nothing passed the gateway in the last {window.words}.
          {demo && ' The simulator sends honest traffic, or an attack.'}
        </Nothing>
      </div>
    );
  return (
    <>
      <ul className={classes.legend} aria-label={`Over the last ${window.words}`}>
        <Key look="passed" label="passed" value={passed} />
        <Key look="failed" label="failed" value={failed} />
        <Key look="refused" label="refused" value={refused} />
        <Key look="alerts" label={alerts === 1 ? 'alert' : 'alerts'} value={alerts} />
      </ul>
      <Chart
        option={option}
        height={height}
        label={`Requests over the last ${window.words}: ${count(passed)} passed, ${count(failed)} failed, ${count(refused)} refused, ${many(alerts, 'alert')}`}
        table={<Steps of={steps} stepMinutes={window.minutes} />}
      />
    </>
  );
}

function Key({ look, label, value }: { look: string; label: string; value: number }) {
  return (
    <li>
      <span className={classes.key} data-look={look} aria-hidden />
      <strong>{count(value)}</strong> {label}
    </li>
  );
}

function Steps({ of: steps, stepMinutes }: { of: TrafficStep[]; stepMinutes: number }) {
  const told = steps.filter((s) => s.passed + s.failed + s.refused > 0);
  return (
    <ul>
      {told.map((s) => (
        <li key={s.at}>{sentences(s, stepMinutes).join(', ')}</li>
      ))}
    </ul>
  );
}
