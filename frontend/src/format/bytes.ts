const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 512 B, 1.5 kB, 20 MB: steps of 1,000. */
export function bytes(n: number): string {
  let size = n;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  const digits = unit === 0 || size >= 10 ? 0 : 1;
  return `${size.toFixed(digits)} ${units[unit]}`;
}
