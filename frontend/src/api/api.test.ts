import { readdirSync, readFileSync } from 'node:fs';
import { CombinedError } from '@urql/core';
import { buildASTSchema, GraphQLError, isObjectType, parse } from 'graphql';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keys } from './client';
import { Connection } from './connection';
import { explain, fieldProblem } from './explain';
import { backoff, pause } from './socket';
import { throttle } from './throttle';
import { join } from './usePages';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('the live connection', () => {
  test('tells who asked when it is back after a gap, not when it opens first', () => {
    const connection = new Connection();
    const back = vi.fn();
    connection.onReturn(back);
    connection.move('live');
    expect(back).not.toHaveBeenCalled();
    connection.move('reconnecting');
    connection.move('live');
    expect(back).toHaveBeenCalledOnce();
  });

  test('tells nobody who has left', () => {
    const connection = new Connection();
    const seen = vi.fn();
    const leave = connection.watch(seen);
    connection.move('live');
    leave();
    connection.move('offline');
    expect(seen).toHaveBeenCalledOnce();
  });

  test('waits longer after each attempt, up to five seconds, and never the same for all', () => {
    expect([0, 1, 2, 3].map((n) => backoff(n, 1))).toEqual([500, 1_000, 2_000, 4_000]);
    expect(backoff(30, 1)).toBe(5_000);
    expect(backoff(30, 0)).toBe(2_500);
  });

  test('stops waiting when the browser finds its network again', async () => {
    const over = vi.fn();
    void pause(30_000).then(over);
    dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(0);
    expect(over).toHaveBeenCalledOnce();
  });
});

describe('a nudge', () => {
  test('runs at once, then at most once a while, and never leaves the last news out', () => {
    const run = vi.fn();
    const { call } = throttle(run, 1_000);
    for (let i = 0; i < 5; i++) call();
    expect(run).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1_000);
    expect(run).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(5_000);
    expect(run).toHaveBeenCalledTimes(2);
    call();
    expect(run).toHaveBeenCalledTimes(3);
  });

  test('can let something else go first', () => {
    const run = vi.fn();
    const { call } = throttle(run, 1_000, 200);
    call();
    call();
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(200);
    expect(run).toHaveBeenCalledTimes(1);
    call();
    vi.advanceTimersByTime(1_000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  test('is forgotten when the page is left', () => {
    const run = vi.fn();
    const { call, cancel } = throttle(run, 1_000);
    call();
    call();
    cancel();
    vi.advanceTimersByTime(5_000);
    expect(run).toHaveBeenCalledTimes(1);
  });
});

describe('pages of a list', () => {
  const nodes = (...ids: string[]) => ids.map((id) => ({ id }));

  test('follow the fresh first page, each node once', () => {
    expect(join(nodes('n', 'a', 'b'), nodes('a', 'b', 'c', 'd'))).toEqual(nodes('n', 'a', 'b', 'c', 'd'));
  });

  test('lose what has left the first page', () => {
    expect(join(nodes('a', 'c'), nodes('a', 'b', 'c', 'd'))).toEqual(nodes('a', 'c', 'd'));
  });

  test('are let go when more has arrived than a page holds', () => {
    expect(join(nodes('x', 'y'), nodes('a', 'b'))).toBeUndefined();
  });
});

describe('a refusal', () => {
  const refused = (message: string, extensions: Record<string, unknown>) =>
    new CombinedError({ graphQLErrors: [new GraphQLError(message, { extensions })] });

  test('is a sentence', () => {
    expect(explain(refused('no such alert', { code: 'NOT_FOUND' }))).toBe('No such alert');
  });

  test('by an error of the server names the reference and nothing else', () => {
    expect(explain(refused('internal error', { code: 'INTERNAL', reference: 'X-7' }))).toBe(
      'Something went wrong on the server. Reference X-7.',
    );
  });

  test.each([
    [
      'The document costs 61000, at most 50000 is allowed: ask for fewer items or fields.',
      'The question costs 61000, at most 50000 is allowed: ask for fewer items or fields.',
    ],
    [
      'A backtest of yours still runs: wait for it, or withdraw it.',
      'A backtest of yours still runs: wait for it, or withdraw it.',
    ],
    ['The answer took longer than 5s: ask for less.', 'The answer took longer than 5s: ask for less.'],
  ])('of what is too much says what that is: %s', (message, told) => {
    expect(explain(refused(message, { code: 'TOO_COMPLEX' }))).toBe(told);
  });

  test('by silence says so', () => {
    expect(explain(new CombinedError({ networkError: new Error('ECONNREFUSED 127.0.0.1') }))).toBe(
      'The server did not answer.',
    );
  });

  test('calls a field as the form does', () => {
    const error = refused('input.target is everybody', { code: 'INVALID', field: 'input.target' });
    expect(explain(error)).toBe('Target is everybody');
  });

  test('names the field of a form', () => {
    const error = refused('is no address', { code: 'INVALID', field: 'target' });
    expect(fieldProblem(error)).toEqual({ field: 'target', problem: 'is no address' });
    expect(fieldProblem(refused('not allowed', { code: 'DENIED' }))).toBeUndefined();
  });
});

test('the cache knows every type: by its id, or that it has none', () => {
  const graph = '../graph/'; // tests run in frontend/
  const text = readdirSync(graph)
    .filter((f) => f.endsWith('.graphqls'))
    .map((f) => readFileSync(graph + f, 'utf8'));
  const types = Object.values(buildASTSchema(parse(text.join('\n'))).getTypeMap())
    .filter((t) => isObjectType(t) && !t.name.startsWith('__'))
    .filter((t) => !['Query', 'Mutation', 'Subscription'].includes(t.name));
  const unknown = types.filter((t) => isObjectType(t) && !t.getFields().id && !(t.name in keys));
  expect(unknown.map((t) => t.name)).toEqual([]);
});
