import { Panel } from '../../ui/Panel';
import { Snippet } from '../../ui/Snippet';
import classes from './RulesPage.module.css';

/** Rules are read only here: where they are changed. */
export function HowToChange({ demo, example }: { demo: boolean; example: string }) {
  const lines = `rules:\n  ${example}: {mode: shadow}`;
  return (
    <Panel title="To change a rule" className={classes.how ?? ''}>
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
          {demo ? (
            <p>
              The demo enforces all of them, with the figures above. In <code>sentinel serve</code> each is
              set in the configuration file:
            </p>
          ) : (
            <p>
              Set its mode in the configuration file, then send the process a <code>SIGHUP</code>. No request
              is dropped, and nothing that was counted is lost.
            </p>
          )}
          <Snippet what="lines for the configuration file">{lines}</Snippet>
        </div>
      </div>
    </Panel>
  );
}
