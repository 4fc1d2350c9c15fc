import { type Client, createClient } from 'graphql-ws';
import type { Connection } from './connection';

const signedOut = 4401;
const silent = 4408;

/** How long to wait before the n-th attempt: doubling to half a minute, half of it left to chance. */
export function backoff(attempt: number, chance = Math.random()): number {
  const most = Math.min(30_000, 500 * 2 ** attempt);
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

/** Opens the socket when somebody subscribes, keeps it alive, and tells `connection` how it stands. */
export function openSocket(url: string, connection: Connection): Client {
  let open: WebSocket | undefined;
  let unanswered: ReturnType<typeof setTimeout> | undefined;
  addEventListener('offline', () => connection.move('offline'));
  addEventListener('online', () => connection.state === 'offline' && connection.move('reconnecting'));
  return createClient({
    url,
    lazyCloseTimeout: 2_000, // changing pages drops one subscription before it opens the next
    keepAlive: 10_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (attempt) => pause(backoff(attempt)),
    on: {
      connecting: (again) => connection.move(again ? 'reconnecting' : 'connecting'),
      opened: (socket) => {
        open = socket as WebSocket;
      },
      connected: () => connection.move('live'),
      closed: (event) => {
        clearTimeout(unanswered);
        const code = (event as CloseEvent).code;
        if (code === signedOut) connection.move('refused');
        else if (code !== 1000) connection.move(navigator.onLine ? 'reconnecting' : 'offline');
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
}

/** Whether the server closed the socket for good, as graphql-ws sees it; it then gives up by itself. */
export function closedForGood(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && 'wasClean' in error;
}

export function needsSignIn(error: unknown): boolean {
  return (error as CloseEvent).code === signedOut;
}
