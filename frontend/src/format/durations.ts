const steps: [seconds: number, name: string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** A span in its two largest units: 45 s, 5 min, 1 h 30 min, 7 d. */
export function span(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [size, name] of steps) {
    const n = Math.floor(rest / size);
    if (n === 0) {
      if (parts.length > 0) break;
      continue;
    }
    parts.push(`${n} ${name}`);
    rest -= n * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
}

/** How long an answer took: 0.4 ms, 12 ms, 1.3 s. */
export function took(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds >= 10) return `${Math.round(milliseconds)} ms`;
  return `${Number(milliseconds.toFixed(1))} ms`;
}
