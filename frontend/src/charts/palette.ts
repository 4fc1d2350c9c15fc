/** The colours a chart draws with, as they stand in tokens.css. */
export interface Palette {
  text: string;
  dim: string;
  /** What the chart stands on. */
  ground: string;
  /** What floats above it: tooltips. */
  panel: string;
  line: string;
  grid: string;
  accent: string;
  passed: string;
  failed: string;
  refused: string;
  redirected: string;
  broken: string;
  mark: string;
  font: string;
}

/** Reads the palette that is in force around an element; a canvas can't use CSS variables itself. */
export function paletteOf(element: Element): Palette {
  const styles = getComputedStyle(element);
  const read = (name: string) => styles.getPropertyValue(`--s-${name}`).trim();
  return {
    text: read('text'),
    dim: read('dim'),
    ground: read('panel'),
    panel: read('raised'),
    line: read('edge'),
    grid: read('grid'),
    accent: read('accent'),
    passed: read('passed'),
    failed: read('failed'),
    refused: read('refused'),
    redirected: read('redirected'),
    broken: read('broken'),
    mark: read('mark'),
    font: read('font'),
  };
}

/** For tests and for options that are built before anything is drawn. */
export const plain: Palette = {
  text: '#e4ecf4',
  dim: '#94a6b8',
  ground: '#101822',
  panel: '#151f2b',
  line: '#34475b',
  grid: '#1c2836',
  accent: '#35d0ba',
  passed: '#2ba293',
  failed: '#e2ab3e',
  refused: '#f0607b',
  redirected: '#6f9fe8',
  broken: '#b48cf2',
  mark: '#e4ecf4',
  font: 'sans-serif',
};
