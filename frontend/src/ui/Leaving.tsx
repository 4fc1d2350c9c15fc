import {
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  useContext,
  useEffect,
  useMemo,
  useState,
} from 'react';
import { type AroundNavHandler, type BaseLocationHook, Router, useRouter } from 'wouter';

// Fetched when somebody is asked: it is part of the shell, and most are never.
const Confirm = lazy(async () => ({ default: (await import('./Confirm')).Confirm }));

/** Where somebody wants to go who would lose what he wrote. */
interface Asked {
  what: string;
  go: () => void;
}

/** Knows what is not saved, and holds up whoever is about to leave it. */
class Unsaved {
  #what: string | undefined;
  #here = ''; // as the address says
  #path = ''; // as the router says
  readonly #ask: (asked: Asked) => void;

  constructor(ask: (asked: Asked) => void) {
    this.#ask = ask;
  }

  /** Where pages are told that they are: while something is held, where they were. */
  where(real: BaseLocationHook): BaseLocationHook {
    return (options) => {
      const [path, navigate] = real(options);
      if (!this.#what) this.#path = path;
      return [this.#path, navigate];
    };
  }

  hold(what: string) {
    this.#what = what;
    this.#here = location.href;
    addEventListener('beforeunload', this.#closing);
    addEventListener('popstate', this.#back);
  }

  release = () => {
    this.#what = undefined;
    removeEventListener('beforeunload', this.#closing);
    removeEventListener('popstate', this.#back);
  };

  around: AroundNavHandler = (navigate, to, options) => {
    if (this.#what) this.#ask({ what: this.#what, go: () => navigate(to, options) });
    else navigate(to, options);
  };

  /** The browser asks in words of its own, and only where something was typed. */
  #closing = (event: BeforeUnloadEvent) => event.preventDefault();

  /** The browser has gone back already: the page is put on top of where it went, until that is decided. */
  #back = () => {
    history.pushState(history.state, '', this.#here);
    this.#ask({ what: this.#what ?? '', go: () => history.back() });
  };
}

const UnsavedContext = createContext<Unsaved | undefined>(undefined);

/** Stands around all pages, and asks before one is left on which something is not saved. */
export function Leaving({ children }: { children: ReactNode }) {
  const [asking, setAsking] = useState(false);
  const [asked, setAsked] = useState<Asked>(); // stays while the question fades out
  const ask = (asked: Asked) => {
    setAsked(asked);
    setAsking(true);
  };
  const [unsaved] = useState(() => new Unsaved(ask));
  const { hook, searchHook } = useRouter();
  const where = useMemo(() => unsaved.where(hook), [unsaved, hook]);
  return (
    <Router hook={where} searchHook={searchHook} aroundNav={unsaved.around}>
      <UnsavedContext value={unsaved}>{children}</UnsavedContext>
      {asked && (
        <Suspense fallback={null}>
          <Confirm
            opened={asking}
            title="Leave without saving?"
            verb="Leave"
            danger
            onConfirm={() => {
              unsaved.release();
              setAsking(false);
              asked.go();
            }}
            onClose={() => setAsking(false)}
          >
            <p>What you changed in {asked.what} is not saved, and would be lost.</p>
          </Confirm>
        </Suspense>
      )}
    </Router>
  );
}

/**
 * Has whoever leaves asked first, as long as there is something unsaved: what it belongs to, as in "the rule
 * honeypot", undefined for nothing. What it returns lets go at once, for who leaves after saving.
 */
export function useUnsaved(what: string | undefined): () => void {
  const unsaved = useContext(UnsavedContext);
  useEffect(() => {
    if (!what || !unsaved) return;
    unsaved.hold(what);
    return unsaved.release;
  }, [what, unsaved]);
  return unsaved?.release ?? nothing;
}

function nothing() {}
