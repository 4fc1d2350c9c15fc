import type { EChartsCoreOption } from 'echarts/core';
import { count, many } from '../format/numbers';
import { minute } from '../format/time';
import type { Palette } from './palette';

export interface TrafficStep {
  at: string;
  passed: number;
  failed: number;
  refused: number;
  alerts: number;
}

const minutesBetweenLabels = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360];

/** Every how many minutes a label fits, for about eight labels over the whole width. */
export function labelEvery(spanMinutes: number): number {
  return minutesBetweenLabels.find((m) => spanMinutes / m <= 8) ?? 720;
}

/** Stacked bars of what passed, failed and was refused in each step, with a mark where alerts were raised. */
export function trafficTimeline(
  steps: TrafficStep[],
  stepMinutes: number,
  palette: Palette,
): EChartsCoreOption {
  const every = labelEvery(steps.length * stepMinutes);
  const bars = (name: string, color: string, value: (s: TrafficStep) => number) => ({
    name,
    type: 'bar',
    stack: 'traffic',
    color,
    barCategoryGap: '22%',
    emphasis: { disabled: true },
    data: steps.map(value),
  });
  return {
    animationDuration: 300,
    animationDurationUpdate: 250,
    textStyle: { fontFamily: palette.font },
    grid: { left: 4, right: 8, top: 22, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: {
      type: 'category',
      data: steps.map((s) => s.at),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: palette.line } },
      axisLabel: {
        color: palette.dim,
        interval: (_: number, at: string) => onTheHour(at) % every === 0,
        formatter: (at: string) => minute(at),
        hideOverlap: true,
      },
    },
    yAxis: [
      {
        type: 'value',
        minInterval: 1,
        splitNumber: 4,
        axisLabel: { color: palette.dim, formatter: (n: number) => (n >= 1000 ? `${n / 1000}k` : `${n}`) },
        splitLine: { lineStyle: { color: palette.grid } },
      },
      { type: 'value', min: 0, max: 1, show: false },
    ],
    tooltip: {
      trigger: 'axis',
      axisPointer: { type: 'shadow', shadowStyle: { color: palette.line, opacity: 0.25 } },
      backgroundColor: palette.panel,
      borderColor: palette.line,
      padding: [8, 12],
      textStyle: { color: palette.text, fontSize: 12.5 },
      confine: true,
      transitionDuration: 0,
      // Numbers and our own words only: nothing here was written by a stranger.
      formatter: (shown: { dataIndex: number }[]) => {
        const step = steps[shown[0]?.dataIndex ?? -1];
        return step ? sentences(step, stepMinutes).join('<br>') : '';
      },
    },
    series: [
      bars('Passed', palette.passed, (s) => s.passed),
      bars('Failed', palette.failed, (s) => s.failed),
      bars('Refused', palette.refused, (s) => s.refused),
      {
        name: 'Alerts',
        type: 'scatter',
        yAxisIndex: 1,
        symbol: 'path://M0 0 L10 0 L5 8 Z',
        symbolSize: [10, 8],
        symbolOffset: [0, -11],
        color: palette.mark,
        emphasis: { disabled: true },
        clip: false,
        data: steps.map((s) => (s.alerts > 0 ? 1 : null)),
      },
    ],
  };
}

/** One step in words, for the tooltip and for those who hear the chart. */
export function sentences(s: TrafficStep, stepMinutes: number): string[] {
  const end = new Date(Date.parse(s.at) + stepMinutes * 60_000).toISOString();
  const lines = [
    `${minute(s.at)} to ${minute(end)}`,
    `${count(s.passed)} passed`,
    `${count(s.failed)} failed`,
    `${count(s.refused)} refused`,
  ];
  if (s.alerts > 0) lines.push(many(s.alerts, 'alert'));
  return lines;
}

function onTheHour(at: string): number {
  const date = new Date(at);
  return date.getHours() * 60 + date.getMinutes();
}
