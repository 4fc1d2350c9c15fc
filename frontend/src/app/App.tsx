import { MantineProvider } from '@mantine/core';
import type { Client } from '@urql/core';
import type { Session } from '../api/session';
import { colorSchemes } from '../ui/colorScheme';
import { theme, variables } from '../ui/theme';
import { Gate } from './Gate';
import type { SetupLink } from './setupLink';

/** The whole console. */
export function App({
  session,
  connect,
  link,
}: {
  session: Session;
  connect: () => { client: Client; close: () => void };
  /** What the address held when the app was opened. */
  link: SetupLink | undefined;
}) {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      colorSchemeManager={colorSchemes}
      defaultColorScheme="auto"
    >
      <Gate session={session} connect={connect} link={link} />
    </MantineProvider>
  );
}
