import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Connection } from './connection';
import { openSocket } from './socket';

/** A server's end of a socket, which says nothing by itself. */
class FakeSocket {
  static OPEN = 1;
  static CLOSING = 2;
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: { type: string; payload?: unknown }[] = [];
  onopen?: () => void;
  onclose?: (event: object) => void;
  onmessage?: (event: { data: string }) => void;

  constructor() {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close(code = 1000) {
    this.hangUp(code);
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  hangUp(code: number) {
    this.readyState = 3;
    this.onclose?.({ code, reason: '', wasClean: true });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  vi.stubGlobal('WebSocket', FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = () => vi.advanceTimersByTimeAsync(0);
const ignore = { next: () => {}, error: () => {}, complete: () => {} };

test('each connection has a ticket of its own', async () => {
  let n = 0;
  const connection = new Connection();
  const { socket, close } = openSocket('ws://sentinel/graphql', connection, async () => `t${++n}`);
  socket.subscribe({ query: 'subscription { healthChanged { state } }' }, ignore);
  await settle();
  const [first] = FakeSocket.all;
  first?.open();
  await settle();
  expect(first?.sent).toEqual([{ type: 'connection_init', payload: { token: 't1' } }]);
  first?.say({ type: 'connection_ack' });
  expect(connection.state).toBe('live');

  first?.hangUp(1012);
  expect(connection.state).toBe('reconnecting');
  await vi.advanceTimersByTimeAsync(5_000);
  const second = FakeSocket.all[1];
  second?.open();
  await settle();
  expect(second?.sent).toEqual([{ type: 'connection_init', payload: { token: 't2' } }]);
  second?.say({ type: 'connection_ack' });
  expect(connection.state).toBe('live');
  close();
});

test('a connection that needs no ticket says so by sending none', async () => {
  const { socket, close } = openSocket('ws://sentinel/graphql', new Connection(), async () => undefined);
  socket.subscribe({ query: 'subscription { healthChanged { state } }' }, ignore);
  await settle();
  FakeSocket.all[0]?.open();
  await settle();
  expect(FakeSocket.all[0]?.sent).toEqual([{ type: 'connection_init' }]);
  close();
});

test('who is turned away hears it, and comes with a new ticket when he asks again', async () => {
  let n = 0;
  const { socket, close } = openSocket('ws://sentinel/graphql', new Connection(), async () => `t${++n}`);
  const turnedAway = vi.fn();
  socket.subscribe({ query: 'subscription { a }' }, { ...ignore, error: turnedAway });
  await settle();
  FakeSocket.all[0]?.open();
  await settle();
  FakeSocket.all[0]?.hangUp(4401);
  await settle();
  expect(turnedAway).toHaveBeenCalledWith(expect.objectContaining({ code: 4401 }));
  socket.subscribe({ query: 'subscription { a }' }, ignore);
  await settle();
  FakeSocket.all[1]?.open();
  await settle();
  expect(FakeSocket.all[1]?.sent).toEqual([{ type: 'connection_init', payload: { token: 't2' } }]);
  close();
});
