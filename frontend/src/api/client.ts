import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { cacheExchange, type Data } from '@urql/exchange-graphcache';
import { connection } from './connection';
import { backoff, closedForGood, needsSignIn, openSocket, pause } from './socket';

const url = new URL('/graphql', location.href);
const socketURL = new URL(url);
socketURL.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

const socket = openSocket(socketURL.href, connection);

const none = () => null;

/**
 * What an entity is known by. Types without an identity of their own live inside what holds them; all
 * others are known by `id`. Add a type here when it has no `id`.
 */
export const keys = {
  AlertConnection: none,
  AlertEdge: none,
  AuditConnection: none,
  AuditEdge: none,
  Client: (c: Data) => (c.address as string | undefined) ?? null,
  DecisionConnection: none,
  DecisionEdge: none,
  Dependency: none,
  Endpoint: none,
  ExchangeConnection: none,
  ExchangeEdge: none,
  ExchangesSeen: none,
  Figures: none,
  Health: none,
  Hit: none,
  IncidentConnection: none,
  IncidentEdge: none,
  LiftPayload: none,
  Operator: none,
  PageInfo: none,
  Receipt: none,
  Stats: none,
  StatusCount: none,
  Target: none,
  TimelinePoint: none,
};

/** Speaks to the server that served the app: questions and changes by POST, news over the socket. */
export const client = new Client({
  url: url.href,
  preferGetMethod: false,
  requestPolicy: 'cache-and-network',
  exchanges: [
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
                  if (!closedForGood(error) || needsSignIn(error)) return sink.error(error);
                  await pause(backoff(attempt));
                  if (!stopped) start(attempt + 1);
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
