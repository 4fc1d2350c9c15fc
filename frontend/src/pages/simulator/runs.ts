/** A run that left blocks and alerts behind: enough to draw its addresses again. */
export interface Remembered {
  scenario: string;
  seed: number;
}

/** Remembers runs until they are cleaned up, past a reload of the page. */
export interface Runs {
  all: () => Remembered[];
  add: (run: Remembered) => void;
  remove: (run: Remembered) => void;
}

const place = 'sentinel-simulator-runs';
const most = 100;

/** Keeps runs in the storage of the browser, or for the life of the page where there is none. */
export function runs(storage: Storage | undefined = ours()): Runs {
  let known: Remembered[] = read(storage);
  const keep = (next: Remembered[]) => {
    known = next.slice(-most);
    try {
      storage?.setItem(place, JSON.stringify(known));
    } catch {
      // A full or forbidden storage costs the memory past a reload, nothing else.
    }
  };
  return {
    all: () => known,
    add: (run) => keep([...known, run]),
    remove: (run) => keep(known.filter((k) => k.scenario !== run.scenario || k.seed !== run.seed)),
  };
}

function ours(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // forbidden by the browser's settings
  }
}

function read(storage: Storage | undefined): Remembered[] {
  try {
    const said: unknown = JSON.parse(storage?.getItem(place) ?? '[]');
    return Array.isArray(said) ? said.filter(isRun) : [];
  } catch {
    return [];
  }
}

function isRun(v: unknown): v is Remembered {
  const run = v as Partial<Remembered> | null;
  return typeof run?.scenario === 'string' && Number.isSafeInteger(run.seed) && (run.seed ?? -1) >= 0;
}
