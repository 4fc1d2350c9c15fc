import type { LogsRowFragment } from '../../gql/LogsRow';

export type Row = LogsRowFragment;

/** A place where rows are left out; `missed` is undefined when nobody counted them. */
export interface Gap {
  gap: string;
  missed: number | undefined;
}
export type Line = Row | Gap;

export const isGap = (line: Line): line is Gap => 'gap' in line;

/** How much is kept. What goes beyond is let go, and can be asked for again. */
export const most = { followed: 300, read: 1_000, waiting: 200 };

/** The list as it stands: newest first, without doubles, bounded whatever comes. */
export interface Tail {
  lines: Line[];
  /** Came while the list was held still. */
  waiting: Line[];
  waitingCount: number;
  /** Rows at the top were let go to read further down: newer ones exist. */
  cut: boolean;
  /** There are older rows, or the search for them has not come to its end. */
  more: boolean;
  /** Where the search for older rows goes on; null: after the last row. */
  after: string | null;
}

export interface Page {
  rows: Row[];
  more: boolean;
  end: string | null;
}

export interface Seen {
  exchanges: Row[];
  skipped: number;
}

/** IDs are numbers that grow with time, too large for a number. */
export function newer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}

/** The list as it is first known. */
export function begin(page: Page, before: Line[] = []): Tail {
  const tail: Tail = {
    lines: page.rows,
    waiting: [],
    waitingCount: 0,
    cut: false,
    more: page.more,
    after: page.end,
  };
  return { ...tail, lines: put(before, page.rows).slice(0, most.followed) };
}

/** News, in any order. While `held` it waits beside the list and is counted. */
export function arrive(tail: Tail, { exchanges, skipped }: Seen, held: boolean): Tail {
  const rows = [...exchanges].sort((a, b) => (newer(a.id, b.id) ? -1 : 1)); // announced as they ended
  const lines = withGap(rows, skipped);
  return held || tail.cut ? wait(tail, lines, skipped) : follow(tail, put(lines, tail.lines));
}

function wait(tail: Tail, lines: Line[], skipped: number): Tail {
  const known = ids([...tail.waiting, ...tail.lines]);
  const fresh = lines.filter((l) => isGap(l) || !known.has(l.id));
  return {
    ...tail,
    waiting: bounded(put(fresh, tail.waiting), most.waiting),
    waitingCount: tail.waitingCount + rowsIn(fresh).length + skipped,
  };
}

/** Shows what has waited. Nothing when the top was let go: then the list must begin anew. */
export function release(tail: Tail): Tail {
  if (tail.waiting.length === 0) return { ...tail, waitingCount: 0 };
  return { ...follow(tail, put(tail.waiting, tail.lines)), waiting: [], waitingCount: 0 };
}

/** The newest page, asked for after news may have been missed. */
export function catchUp(tail: Tail, page: Page, held: boolean): Tail {
  const known = ids([...tail.waiting, ...tail.lines]);
  const touches = page.rows.some((r) => known.has(r.id)) || !page.more;
  if (held || tail.cut) {
    const newest = rowsIn([...tail.waiting, ...tail.lines])[0];
    const missed: Line[] = page.rows.filter((r) => !newest || newer(r.id, newest.id));
    const end = page.rows.at(-1);
    if (!touches && end) missed.push({ gap: `below ${end.id}`, missed: undefined });
    return wait(tail, missed, 0);
  }
  return touches ? follow(tail, put(page.rows, tail.lines)) : begin(page);
}

/** Older rows at the end. Beyond what is kept the newest are let go. */
export function older(tail: Tail, page: Page): Tail {
  const known = ids(tail.lines);
  const fresh = page.rows.filter((r) => !known.has(r.id));
  const all = [...tail.lines, ...fresh];
  const over = Math.max(0, all.length - most.read);
  return { ...tail, lines: all.slice(over), cut: tail.cut || over > 0, more: page.more, after: page.end };
}

/** How many rows a list of lines holds. */
export function rowsIn(lines: Line[]): Row[] {
  return lines.filter((l): l is Row => !isGap(l));
}

function follow(tail: Tail, lines: Line[]): Tail {
  if (lines.length <= most.followed) return { ...tail, lines };
  return { ...tail, lines: lines.slice(0, most.followed), more: true, after: null };
}

/** Rows before others, in order, each once. */
function put(fresh: Line[], known: Line[]): Line[] {
  const had = ids(known);
  const add = fresh.filter((l) => isGap(l) || !had.has(l.id));
  const newest = known.find((l) => !isGap(l)) as Row | undefined;
  const oldest = rowsIn(add).at(-1);
  const all = [...add, ...known];
  if (!newest || !oldest || newer(oldest.id, newest.id)) return all;
  return inOrder(all);
}

/** Sorted by time; a gap stays below the row that it follows. */
function inOrder(lines: Line[]): Line[] {
  const blocks: Line[][] = [];
  for (const line of lines) {
    const last = blocks.at(-1);
    if (isGap(line) && last) last.push(line);
    else blocks.push([line]);
  }
  const id = (block: Line[]) => (block[0] && !isGap(block[0]) ? block[0].id : '');
  return blocks.sort((a, b) => (id(a) === id(b) ? 0 : newer(id(a), id(b)) ? -1 : 1)).flat();
}

function withGap(rows: Row[], skipped: number): Line[] {
  const last = rows.at(-1);
  return skipped > 0 && last ? [...rows, { gap: `below ${last.id}`, missed: skipped }] : rows;
}

/** What goes beyond becomes one gap. */
function bounded(lines: Line[], at: number): Line[] {
  if (lines.length <= at) return lines;
  const [kept, rest] = [lines.slice(0, at), lines.slice(at)];
  const missed = rest.reduce<number | undefined>(
    (sum, l) =>
      sum === undefined ? sum : isGap(l) ? (l.missed === undefined ? l.missed : sum + l.missed) : sum + 1,
    0,
  );
  const end = kept.at(-1);
  const gap: Gap = { gap: `below ${end && !isGap(end) ? end.id : end?.gap}`, missed };
  return [...kept, gap];
}

function ids(lines: Line[]): Set<string> {
  return new Set(rowsIn(lines).map((r) => r.id));
}
