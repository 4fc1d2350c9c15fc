import type { EChartsCoreOption } from 'echarts/core';
import type { Palette } from './palette';

export interface StatusShare {
  status: number;
  requests: number;
}

/** The colour of a status: what passed, was redirected, failed, was refused, or broke. */
export function statusColour(status: number, palette: Palette): string {
  if (status >= 500) return palette.broken;
  if (status === 403 || status === 429) return palette.refused;
  if (status >= 400) return palette.failed;
  if (status >= 300) return palette.redirected;
  return palette.passed;
}

/** A ring with a slice for each status, largest first. Which is which says the list beside it. */
export function statusMix(shares: StatusShare[], palette: Palette): EChartsCoreOption {
  return {
    animationDuration: 300,
    animationDurationUpdate: 250,
    series: [
      {
        type: 'pie',
        radius: ['66%', '96%'],
        label: { show: false },
        emphasis: { scale: false },
        itemStyle: { borderColor: palette.ground, borderWidth: 2 },
        data: shares.map((s) => ({
          name: String(s.status),
          value: s.requests,
          itemStyle: { color: statusColour(s.status, palette) },
        })),
      },
    ],
  };
}
