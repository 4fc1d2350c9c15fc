import { BarChart, ScatterChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { expect, test } from 'vitest';
import { plain } from './palette';
import { labelEvery, sentences, type TrafficStep, trafficTimeline } from './trafficTimeline';

const step = (minute: number, more: Partial<TrafficStep> = {}): TrafficStep => ({
  at: new Date(Date.UTC(2026, 10, 22, 12, minute)).toISOString(),
  passed: 10,
  failed: 2,
  refused: 1,
  alerts: 0,
  ...more,
});

interface Series {
  name: string;
  stack?: string;
  data: (number | null)[];
}

test('stacks what passed, failed and was refused, and marks the steps with alerts', () => {
  const { series } = trafficTimeline([step(0), step(1, { alerts: 2 })], 1, plain) as { series: Series[] };
  expect(series.map((s) => [s.name, s.stack, s.data])).toEqual([
    ['Passed', 'traffic', [10, 10]],
    ['Failed', 'traffic', [2, 2]],
    ['Refused', 'traffic', [1, 1]],
    ['Alerts', undefined, [null, 1]],
  ]);
});

test('tells a step in words, with its alerts only when there are some', () => {
  expect(sentences(step(0), 5).slice(1)).toEqual(['10 passed', '2 failed', '1 refused']);
  expect(sentences(step(0, { alerts: 1 }), 5).at(-1)).toBe('1 alert');
});

test.each([
  [15, 2],
  [60, 10],
  [360, 60],
  [1440, 180],
])('%d minutes get a label every %d', (span, every) => expect(labelEvery(span)).toBe(every));

test('draws', () => {
  echarts.use([BarChart, ScatterChart, GridComponent, TooltipComponent, SVGRenderer]);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 600, height: 200 });
  chart.setOption({
    ...trafficTimeline([step(0), step(1, { alerts: 1 }), step(2)], 1, plain),
    animation: false,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  for (const colour of [plain.passed, plain.failed, plain.refused, plain.mark]) expect(svg).toContain(colour);
});
