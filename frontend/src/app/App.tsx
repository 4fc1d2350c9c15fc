import { MantineProvider } from '@mantine/core';
import type { Client } from '@urql/core';
import { Provider } from 'urql';
import { colorSchemes } from '../ui/colorScheme';
import { theme, variables } from '../ui/theme';
import { Shell } from './Shell';

/** The whole console. */
export function App({ client }: { client: Client }) {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      colorSchemeManager={colorSchemes}
      defaultColorScheme="auto"
    >
      <Provider value={client}>
        <Shell />
      </Provider>
    </MantineProvider>
  );
}
