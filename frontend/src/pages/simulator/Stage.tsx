import { Button, Switch } from '@mantine/core';
import { IconPlayerPlayFilled, IconPlayerStopFilled, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import type { Scenario } from '../../../../simulator/play';
import { count, many, percent, rate } from '../../format/numbers';
import { Failed } from '../../ui/Answer';
import { Badge, type Tone } from '../../ui/Badge';
import { AddressPool } from './AddressPool';
import { PromiseList } from './PromiseList';
import { RequestLog } from './RequestLog';
import { ScenarioIcon } from './ScenarioList';
import classes from './Stage.module.css';
import { takesTime } from './scenarios';
import type { View } from './simulation';

const kinds: Record<Scenario['kind'], { tone: Tone; label: string }> = {
  normal: { tone: 'good', label: 'Baseline' },
  attack: { tone: 'bad', label: 'Attack' },
  'near-miss': { tone: 'low', label: 'Near miss' },
};

const hurry = 8; // how much faster pauses pass when asked

/** One scenario: what it is about, its run as it happens, and what came of it. */
export function Stage({
  scenario,
  view,
  rules,
  running,
  locked,
  onRun,
  onStop,
}: {
  scenario: Scenario;
  view: View;
  rules: { id: string; title: string; explanation: string }[];
  /** The scenario that is being played, this one or another. */
  running: Scenario | undefined;
  locked: boolean;
  onRun: (pace: number) => void;
  onStop: () => void;
}) {
  const [hurried, setHurried] = useState(false);
  const kind = kinds[scenario.kind];
  const mine = running?.id === scenario.id;
  const again = view.phase !== 'idle';
  const run = () => onRun(hurried ? hurry : 1);
  const about = scenario.shows ?? (scenario.nearly ? [scenario.nearly.rule] : []);

  return (
    <div className={classes.stage}>
      <section className={classes.head} aria-labelledby="stage-title">
        <div className={classes.line}>
          <ScenarioIcon scenario={scenario} size={22} />
          <h2 id="stage-title" className={classes.title}>
            {scenario.title}
          </h2>
          <Badge tone={kind.tone}>{kind.label}</Badge>
        </div>
        <p className={classes.explains}>{scenario.explains}</p>
        {about.length > 0 && (
          <p className={classes.rules}>
            {scenario.kind === 'attack' ? 'Trips' : 'Comes close to'}
            {about.map((id) => {
              const rule = rules.find((r) => r.id === id);
              return (
                <span key={id} className={classes.rule} title={rule?.explanation}>
                  {rule?.title ?? id}
                </span>
              );
            })}
          </p>
        )}
        <div className={classes.controls}>
          {mine ? (
            <Button
              color="red"
              variant="default"
              leftSection={<IconPlayerStopFilled size={15} aria-hidden />}
              onClick={onStop}
            >
              Stop
            </Button>
          ) : (
            <Button
              leftSection={
                again ? <IconRefresh size={16} aria-hidden /> : <IconPlayerPlayFilled size={15} aria-hidden />
              }
              disabled={locked || running !== undefined}
              onClick={run}
            >
              {again ? 'Run again' : 'Run'}
            </Button>
          )}
          {takesTime(scenario) && (
            <Switch
              label="Shorten the pauses"
              checked={hurried}
              disabled={mine}
              onChange={(event) => setHurried(event.currentTarget.checked)}
            />
          )}
          <p className={classes.state} role="status" data-mood={moodOf(view)}>
            {stateOf(view, mine ? undefined : running)}
          </p>
        </div>
        <div className={classes.progress} data-phase={view.phase} aria-hidden>
          <span style={{ width: share(view.fine, view.planned) }} />
          <span style={{ width: share(view.answered - view.fine - view.refused, view.planned) }} />
          <span style={{ width: share(view.refused, view.planned) }} />
        </div>
      </section>

      {view.phase === 'failed' ? (
        <div className={classes.failed}>
          <Failed why={view.problem} again={run} />
        </div>
      ) : null}
      <FiguresOf view={view} />
      <AddressPool groups={scenario.actors} cells={view.cells} ended={ended(view)} />
      <PromiseList scenario={scenario} view={view} />
      <RequestLog lines={view.lines} total={view.answered} racing={view.phase === 'playing'} />
    </div>
  );
}

function FiguresOf({ view }: { view: View }) {
  const figures: [label: string, value: string, more: string][] = [
    ['Requests', count(view.answered), `of ${count(view.planned)}`],
    ['Refused', count(view.refused), 'by the gateway'],
    ['Success', view.answered ? percent(view.fine / view.answered) : '–', 'answers below 400'],
    ['Per second', rate(view.perSecond), ended(view) ? 'over the run' : 'right now'],
  ];
  return (
    <dl className={classes.figures} aria-label="Figures of the run">
      {figures.map(([label, value, more]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd className={classes.value}>{value}</dd>
          <dd className={classes.more}>{more}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Where a run stands, in words. */
function stateOf(view: View, other: Scenario | undefined): string {
  const kept = view.verdicts.filter((v) => v.kept).length;
  switch (view.phase) {
    case 'idle':
      return other ? `${other.title} is being played` : '';
    case 'preparing':
      return 'Looking for addresses that nobody knows';
    case 'playing':
      return `Playing from ${many(view.cells.length, 'address', 'addresses')}`;
    case 'checking':
      return 'Asking the console what it made of it';
    case 'stopped':
      return 'Stopped before its end, so nothing was checked';
    case 'failed':
      return 'Could not be played';
    case 'done':
      if (kept < view.verdicts.length) return `${kept} of ${view.verdicts.length} promises came true`;
      return kept === 1 ? 'The promise came true' : `All ${kept} promises came true`;
  }
}

function moodOf(view: View): 'good' | 'bad' | undefined {
  if (view.phase === 'failed') return 'bad';
  if (view.phase !== 'done') return undefined;
  return view.verdicts.every((v) => v.kept) ? 'good' : 'bad';
}

const ended = (view: View) => view.phase === 'done' || view.phase === 'stopped' || view.phase === 'failed';

const share = (part: number, whole: number) => `${whole ? (part / whole) * 100 : 0}%`;
