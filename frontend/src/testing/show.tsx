import { MantineProvider } from '@mantine/core';
import { type RenderResult, render } from '@testing-library/react';
import {
  Client,
  CombinedError,
  type Exchange,
  makeResult,
  type Operation,
  type OperationResult,
} from '@urql/core';
import { GraphQLError, Kind } from 'graphql';
import type { ReactNode } from 'react';
import { Provider } from 'urql';
import { filter, make, makeSubject, map, merge, mergeMap, pipe, type Source, takeUntil } from 'wonka';
import { Router } from 'wouter';
import { memoryLocation } from 'wouter/memory-location';
import { OperatorContext } from '../api/operator';
import { Session, type SignedIn } from '../api/session';
import { theme, variables } from '../ui/theme';

/**
 * What the server says, by the name of the operation: data, or a function of the variables that returns
 * data or throws. What is not listed is never answered, so it stays waiting.
 */
export type Answers = Record<string, unknown>;

interface Shown extends RenderResult {
  /** Sends a piece of news to everybody who subscribed to the operation of that name. */
  announce: (subscription: string, data: Record<string, unknown>) => void;
  /** The variables of each time an operation of that name was asked, oldest first. */
  asked: (operation: string) => Record<string, unknown>[];
  /** Where the page stands now. */
  location: () => string;
}

/** Who is signed in where a test says nothing else: the admin of the demo. */
const demoAdmin: SignedIn = { name: 'demo admin', role: 'ADMIN', demo: true };

/** Renders a page as the shell would, on a server that says what `answers` holds. */
export function show(
  page: ReactNode,
  answers: Answers = {},
  {
    at = '/',
    operator = demoAdmin,
    session = new Session(),
  }: { at?: string; operator?: SignedIn; session?: Session } = {},
): Shown {
  const news = makeSubject<{ name: string; data: Record<string, unknown> }>();
  const asked: { name: string; variables: Record<string, unknown> }[] = [];

  const answer = async (operation: Operation) => {
    const name = nameOf(operation);
    asked.push({ name, variables: operation.variables as Record<string, unknown> });
    if (answers[name] === undefined) return new Promise<never>(() => {});
    const given = answers[name];
    try {
      const data = typeof given === 'function' ? await given(operation.variables) : given;
      return makeResult(operation, { data });
    } catch (thrown) {
      const error = thrown instanceof GraphQLError ? thrown : new GraphQLError((thrown as Error).message);
      return {
        ...makeResult(operation, { data: null }),
        error: new CombinedError({ graphQLErrors: [error] }),
      };
    }
  };

  // Like fetch: what is dropped in the same breath was never asked.
  const later = (operation: Operation) =>
    make<OperationResult>((observer) => {
      let gone = false;
      queueMicrotask(async () => {
        if (gone) return;
        const result = await answer(operation);
        if (gone) return;
        observer.next(result);
        observer.complete();
      });
      return () => {
        gone = true;
      };
    });
  const dropped = (operations: Source<Operation>, operation: Operation) =>
    pipe(
      operations,
      filter((o) => o.kind === 'teardown' && o.key === operation.key),
    );

  const server: Exchange = () => (operations) =>
    merge([
      pipe(
        operations,
        filter((o) => o.kind === 'query' || o.kind === 'mutation'),
        mergeMap((o) => pipe(later(o), takeUntil(dropped(operations, o)))),
      ),
      pipe(
        operations,
        filter((o) => o.kind === 'subscription'),
        mergeMap((o) =>
          pipe(
            news.source,
            filter(({ name }) => name === nameOf(o)),
            map(({ data }) => ({ ...makeResult(o, { data }), hasNext: true })),
          ),
        ),
      ),
    ]);

  const client = new Client({ url: '/graphql', exchanges: [server] });
  const memory = memoryLocation({ path: at, record: true });
  const rendered = render(
    <MantineProvider theme={theme} cssVariablesResolver={variables} env="test">
      <Provider value={client}>
        <OperatorContext value={{ operator, session }}>
          <Router hook={memory.hook} searchHook={memory.searchHook}>
            {page}
          </Router>
        </OperatorContext>
      </Provider>
    </MantineProvider>,
  );
  return {
    ...rendered,
    announce: (name, data) => news.next({ name, data }),
    asked: (name) => asked.filter((a) => a.name === name).map((a) => a.variables),
    location: () => memory.history.at(-1) ?? at,
  };
}

/** As the server refuses: refusal('INVALID', 'must be longer than zero', { field: 'blockFor' }). */
export function refusal(code: string, message: string, more: Record<string, unknown> = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...more } });
}

function nameOf(operation: Operation): string {
  for (const d of operation.query.definitions)
    if (d.kind === Kind.OPERATION_DEFINITION && d.name) return d.name.value;
  throw new Error('every operation has a name');
}
