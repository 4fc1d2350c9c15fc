const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** 12,345 */
export function count(n: number): string {
  return whole.format(n);
}

/** 12.3K, where there is no room for all digits. */
export function compact(n: number): string {
  return n < 10_000 ? whole.format(n) : short.format(n);
}

/** A share from 0 to 1 as 3.4%; what is little but not nothing never reads as 0%. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1%';
  if (share < 1 && share > 0.999) return '>99.9%';
  return `${oneDigit.format(share * 100)}%`;
}

/** Requests in a second: 0, 0.4, 12.5, 340. */
export function rate(perSecond: number): string {
  return perSecond >= 100 ? whole.format(Math.round(perSecond)) : oneDigit.format(perSecond);
}

/** "1 alert", "3 alerts". */
export function many(n: number, one: string, more = `${one}s`): string {
  return `${whole.format(n)} ${n === 1 ? one : more}`;
}

export interface Change {
  direction: 'up' | 'down' | 'same';
  /** +12%, −3, new; empty when nothing changed. */
  text: string;
}

/** How a figure moved against before, in percent; "new" when there was nothing before. */
export function change(now: number, before: number): Change {
  if (now === before) return { direction: 'same', text: '' };
  const direction = now > before ? 'up' : 'down';
  if (before === 0) return { direction, text: 'new' };
  const share = Math.abs(now - before) / before;
  const text = share >= 10 ? `×${whole.format(Math.round(now / before))}` : percent(share);
  return { direction, text: share >= 10 ? text : `${sign(direction)}${text}` };
}

/** The same in whole numbers: +2, −1. */
export function difference(now: number, before: number): Change {
  if (now === before) return { direction: 'same', text: '' };
  const direction = now > before ? 'up' : 'down';
  return { direction, text: `${sign(direction)}${whole.format(Math.abs(now - before))}` };
}

/** The same for shares, in percentage points: +1.2 pt. */
export function points(now: number, before: number): Change {
  const moved = Math.round((now - before) * 1000) / 10;
  if (moved === 0) return { direction: 'same', text: '' };
  const direction = moved > 0 ? 'up' : 'down';
  return { direction, text: `${sign(direction)}${oneDigit.format(Math.abs(moved))} pt` };
}

function sign(direction: 'up' | 'down'): string {
  return direction === 'up' ? '+' : '−';
}

/** A measured figure to three digits: 0.0123, 4.56, 1,230. */
export function figure(n: number): string {
  return threeDigits.format(n);
}
