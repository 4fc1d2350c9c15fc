import { type Client, createClient } from 'graphql-ws';
import type { Connection } from './connection';

const signedOut = 4401;
const silent = 4408;

/** How long to wait before the n-th attempt: doubling to five seconds, half of it left to chance. */
export function backoff(attempt: number, chance = Math.random()): number {
  const most = Math.min(5_000, 500 * 2 ** attempt);
  return most / 2 + (most / 2) * chance;
}

/** Waits for the time, or for the browser to find its network again, whichever is first. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
  });
}

/**
 * Opens the socket when somebody subscribes, keeps it alive, and tells `connection` how it stands. Each
 * time it connects it asks for a ticket of its own; `close` ends it for good.
 */
export function openSocket(
  url: string,
  connection: Connection,
  ticket: () => Promise<string | undefined>,
): { socket: Client; close: () => void } {
  let open: WebSocket | undefined;
  let token: string | undefined;
  let unanswered: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: async () => {
      token = await ticket();
      return url;
    },
    connectionParams: () => (token === undefined ? undefined : { token }),
    lazyCloseTimeout: 2_000, // changing pages drops one subscription before it opens the next
    keepAlive: 10_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (attempt) => pause(backoff(attempt)),
    on: {
      connecting: (again) => again && connection.move(navigator.onLine ? 'reconnecting' : 'offline'),
      opened: (socket) => {
        open = socket as WebSocket;
      },
      connected: () => connection.move('live'),
      closed: (event) => {
        clearTimeout(unanswered);
        const code = (event as CloseEvent).code;
        if (code !== 1000) connection.move(navigator.onLine ? 'reconnecting' : 'offline');
      },
      ping: (received) => {
        if (received) return;
        unanswered = setTimeout(() => open?.close(silent, 'no answer'), 5_000);
      },
      pong: (received) => {
        if (received) clearTimeout(unanswered);
      },
    },
  });
  // A socket says nothing when its network goes, and a server on this machine stays reachable without
  // any network: trying again is the only way to know.
  const again = () => client.terminate();
  addEventListener('offline', again);
  addEventListener('online', again);
  const close = () => {
    removeEventListener('offline', again);
    removeEventListener('online', again);
    clearTimeout(unanswered);
    void client.dispose();
  };
  return { socket: client, close };
}

/** Whether the server closed the socket for good, as graphql-ws sees it; it then gives up by itself. */
export function closedForGood(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && 'wasClean' in error;
}

export function needsSignIn(error: unknown): boolean {
  return (error as CloseEvent).code === signedOut;
}
