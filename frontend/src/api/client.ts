import { Client, type CombinedError, fetchExchange, mapExchange, subscriptionExchange } from '@urql/core';
import { cacheExchange, type Data } from '@urql/exchange-graphcache';
import { connection } from './connection';
import type { Session } from './session';
import { backoff, closedForGood, needsSignIn, openSocket, pause } from './socket';

const url = new URL('/graphql', location.href);
const socketURL = new URL(url);
socketURL.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

const none = () => null;

/**
 * What an entity is known by. Types without an identity of their own live inside what holds them; all
 * others are known by `id`. Add a type here when it has no `id`.
 */
export const keys = {
  Account: (a: Data) => (a.name as string | undefined) ?? null,
  AddOperatorPayload: none,
  AlertConnection: none,
  AlertEdge: none,
  AuditConnection: none,
  AuditEdge: none,
  Backtest: none,
  BacktestFigures: none,
  BacktestHit: none,
  BacktestHour: none,
  BadLine: none,
  BlockIncidentPayload: none,
  Client: (c: Data) => (c.address as string | undefined) ?? null,
  CreateTokenPayload: none,
  DecisionConnection: none,
  DecisionEdge: none,
  Dependency: none,
  Endpoint: none,
  Evidence: none,
  ExchangeConnection: none,
  ExchangeEdge: none,
  ExchangesSeen: none,
  Figures: none,
  FollowedLog: none,
  Hammering: none,
  Health: none,
  Hit: none,
  Impact: none,
  IncidentConnection: none,
  IncidentEdge: none,
  LiftPayload: none,
  PageInfo: none,
  Part: none,
  Reason: none,
  Receipt: none,
  Rule: (r: Data) => (r.failed ? `${r.id} failed` : ((r.id as string | undefined) ?? null)), // a pack may have taken its id
  RuleCheck: none,
  RuleMemory: none,
  RuleMistake: none,
  RuleModeSet: none,
  SparedSource: none,
  UnevaluatedRule: none,
  RuleScenario: none,
  RuleVersion: none,
  RuleVersionConnection: none,
  RuleVersionEdge: none,
  ServedConnection: none,
  ServedEdge: none,
  Source: none,
  SourceConnection: none,
  SourceEdge: none,
  StageReached: none,
  Stats: none,
  StatusClass: none,
  StatusCount: none,
  Target: none,
  Terms: none,
  TimelinePoint: none,
  UndoIncidentPayload: none,
  Upstream: none,
  Usual: none,
  WouldHave: none,
};

/**
 * Speaks to the server that served the app: questions and changes by POST, news over the socket. One for
 * each who signs in, so that nobody is shown what another was told. `close` ends it.
 */
export function newClient(session: Session): { client: Client; close: () => void } {
  connection.move('connecting');
  const { socket, close } = openSocket(socketURL.href, connection, () => session.ticket());
  let closed = false;
  const client = new Client({
    url: url.href,
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    exchanges: [
      mapExchange({
        onError: (error) => {
          if (!closed && signedOut(error)) session.end();
        },
      }),
      cacheExchange({ keys }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (operation) => ({
          subscribe: (sink) => {
            let stop = () => {};
            let stopped = false;
            const start = (attempt: number) => {
              stop = socket.subscribe(
                {
                  query: operation.query ?? '',
                  ...(operation.variables && { variables: { ...operation.variables } }),
                },
                {
                  next: (answer) => sink.next(answer as never),
                  complete: () => sink.complete(),
                  // A restarting server may close with a code that graphql-ws takes for the last word.
                  error: async (error) => {
                    if (!closedForGood(error)) return sink.error(error);
                    if (needsSignIn(error) && !closed) await session.ask(); // a ticket may just have been too old
                    await pause(backoff(attempt));
                    if (!stopped && !closed) start(attempt + 1);
                  },
                },
              );
            };
            start(0);
            return {
              unsubscribe: () => {
                stopped = true;
                stop();
              },
            };
          },
        }),
      }),
    ],
  });
  return {
    client,
    close: () => {
      closed = true;
      close();
    },
  };
}

/** Whether an answer says that nobody is signed in. */
function signedOut(error: CombinedError): boolean {
  const { status } = (error.response ?? {}) as { status?: number };
  return status === 401 || error.graphQLErrors.some((e) => e.extensions.code === 'UNAUTHENTICATED');
}
