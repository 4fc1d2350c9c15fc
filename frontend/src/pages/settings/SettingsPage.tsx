import { useMay, useOperator } from '../../api/operator';
import { PageHeader } from '../../ui/PageHeader';
import { GatewayPanel } from './GatewayPanel';
import { OperatorsPanel } from './OperatorsPanel';
import { PasswordPanel } from './PasswordPanel';
import classes from './SettingsPage.module.css';
import { SourcesPanels } from './SourcesPanels';
import { TokensPanel } from './TokensPanel';

/** How the gateway stands, who works here, which programs may come in, and one's own password. */
export function SettingsPage() {
  const operator = useOperator();
  const may = useMay();
  return (
    <>
      <PageHeader title="Settings">How the gateway stands, and who works here.</PageHeader>
      <div className={classes.page}>
        <GatewayPanel />
        <SourcesPanels />
        {operator?.demo ? (
          <p className={classes.demo}>
            The demo knows no operators: everybody on this machine is admin. In <code>sentinel serve</code>{' '}
            they sign in, have roles, and are managed here, as are the tokens of programs.
          </p>
        ) : (
          <>
            {may.administer && <OperatorsPanel />}
            {may.administer && <TokensPanel />}
            <PasswordPanel />
          </>
        )}
      </div>
    </>
  );
}
