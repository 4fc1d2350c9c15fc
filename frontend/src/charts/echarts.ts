// Only what we draw; everything else of ECharts is left out of the build. Loaded by Chart when the first
// chart appears, never by the shell.
import { BarChart, PieChart, ScatterChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

echarts.use([BarChart, PieChart, ScatterChart, GridComponent, TooltipComponent, CanvasRenderer]);

export { echarts };
