import { Panel } from '../../ui/Panel';
import { Snippet } from '../../ui/Snippet';
import classes from './RulesPage.module.css';

/** What the modes mean, and where they are set for good. */
export function HowToChange({ act, example }: { act: boolean; example: string }) {
  const lines = `rules:\n  ${example}: {mode: shadow}`;
  return (
    <Panel title="Modes" className={classes.how ?? ''}>
      <div className={classes.howBody}>
        <dl className={classes.modes}>
          <div>
            <dt>enforce</dt>
            <dd>acts on what it finds</dd>
          </div>
          <div>
            <dt>shadow</dt>
            <dd>counts what it would have done, and refuses nobody</dd>
          </div>
          <div>
            <dt>off</dt>
            <dd>looks for nothing</dd>
          </div>
        </dl>
        <div>
          <p>
            {act
              ? 'What is set here holds over restarts, whatever the configuration file says, until it is taken back. '
              : 'Analysts and admins set them here. '}
            Limits, times and severities are set in the file; a <code>SIGHUP</code> reads it again, and
            nothing that was counted is lost.
          </p>
          <Snippet what="lines for the configuration file">{lines}</Snippet>
        </div>
      </div>
    </Panel>
  );
}
