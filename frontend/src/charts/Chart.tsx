import { useComputedColorScheme } from '@mantine/core';
import { useReducedMotion } from '@mantine/hooks';
import type { EChartsCoreOption, EChartsType } from 'echarts/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import classes from './Chart.module.css';
import { type Palette, paletteOf } from './palette';

/**
 * Draws what `option` makes of the palette. `label` says what the picture shows and `table` holds the
 * same figures for those who can't see it, unless they stand beside the chart anyway. ECharts is fetched when the first chart appears.
 */
export function Chart({
  option,
  label,
  table,
  height,
  onPick,
}: {
  /** A plain function of charts/*, given its data: (palette) => option. */
  option: (palette: Palette) => EChartsCoreOption;
  label: string;
  table?: ReactNode;
  height: number;
  /** A mark was clicked: its series and its place in the data. */
  onPick?: (picked: { series: string; index: number }) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<EChartsType>();
  const scheme = useComputedColorScheme('dark');
  const still = useReducedMotion();
  const pick = useRef(onPick);
  useEffect(() => {
    pick.current = onPick;
  });

  useEffect(() => {
    let drawn: EChartsType | undefined;
    let gone = false;
    const watch = new ResizeObserver(() => drawn?.resize());
    void import('./echarts').then(({ echarts }) => {
      if (gone || !box.current) return;
      drawn = echarts.init(box.current, null, { renderer: 'canvas' });
      drawn.on('click', (event) =>
        pick.current?.({ series: event.seriesName ?? '', index: event.dataIndex }),
      );
      watch.observe(box.current);
      setChart(drawn);
    });
    return () => {
      gone = true;
      watch.disconnect();
      drawn?.dispose();
      setChart(undefined);
    };
  }, []);

  useEffect(() => {
    if (!chart || !box.current) return;
    void scheme; // other theme, other palette
    chart.setOption(
      { animation: !still, ...option(paletteOf(box.current)) },
      { notMerge: false, lazyUpdate: true },
    );
  }, [chart, option, scheme, still]);

  return (
    <figure className={classes.figure}>
      <div ref={box} className={classes.box} style={{ height }} role="img" aria-label={label} />
      {table && <figcaption className="only-heard">{table}</figcaption>}
    </figure>
  );
}
