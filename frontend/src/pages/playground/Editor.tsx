import './workers';
import 'graphiql/style.css';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { useEffect, useState } from 'react';
import { examples } from './examples';

/** GraphiQL, bundled with the app, over the same two doors that the app uses. */
export function Editor({ theme }: { theme: 'dark' | 'light' }) {
  const [{ fetcher, socket }] = useState(() => {
    const url = new URL('/graphql', location.href);
    const socketURL = new URL(url);
    socketURL.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = createClient({ url: socketURL.href });
    return { socket, fetcher: createGraphiQLFetcher({ url: url.href, wsClient: socket }) };
  });
  useEffect(() => () => void socket.dispose(), [socket]);
  return (
    <GraphiQL
      fetcher={fetcher}
      forcedTheme={theme}
      defaultTabs={examples}
      shouldPersistHeaders={false}
      defaultEditorToolsVisibility={false}
    >
      <GraphiQL.Logo>Sentinel</GraphiQL.Logo>
    </GraphiQL>
  );
}
