import { useSyncExternalStore } from 'react';

/** How the live socket stands. `offline` is the browser's own network. */
export type ConnectionState = 'connecting' | 'live' | 'reconnecting' | 'offline';

/** What is known of the socket, for the badge and for those who must ask again after a gap. */
export class Connection {
  #state: ConnectionState = 'connecting';
  #watchers = new Set<() => void>();
  #returned = new Set<() => void>();
  #wasLive = false;

  get state(): ConnectionState {
    return this.#state;
  }

  /** Moves to another state. Coming back to `live` tells everybody who asked through onReturn. */
  move(to: ConnectionState): void {
    if (to === this.#state) return;
    this.#state = to;
    for (const tell of this.#watchers) tell();
    if (to !== 'live') return;
    if (this.#wasLive) for (const tell of this.#returned) tell();
    this.#wasLive = true;
  }

  watch = (tell: () => void): (() => void) => {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  };

  /** Calls `tell` when the socket is back after a gap: news was missed, so ask again. */
  onReturn = (tell: () => void): (() => void) => {
    this.#returned.add(tell);
    return () => this.#returned.delete(tell);
  };
}

export const connection = new Connection();

export function useConnection(): ConnectionState {
  return useSyncExternalStore(connection.watch, () => connection.state);
}
