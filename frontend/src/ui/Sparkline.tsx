const width = 100;

/** A line without axes: how a figure went of late. Says nothing that the figure beside it doesn't. */
export function Sparkline({ values, height = 18 }: { values: number[]; height?: number }) {
  return (
    <svg
      width="100%"
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path
        d={path(values, width, height)}
        fill="none"
        stroke="var(--s-accent)"
        strokeWidth="1.6"
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

/** From left to right, the largest value at the top; a flat line at the bottom when there is nothing. */
export function path(values: number[], width: number, height: number): string {
  if (values.length < 2) return '';
  const most = Math.max(...values, 1e-9);
  const x = width / (values.length - 1);
  const room = height - 4;
  return values
    .map((v, i) => `${i === 0 ? 'M' : 'L'}${(i * x).toFixed(1)} ${(2 + room - (v / most) * room).toFixed(1)}`)
    .join('');
}
