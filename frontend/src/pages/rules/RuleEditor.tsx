import { Button } from '@mantine/core';
import { IconArrowLeft, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { useMay } from '../../api/operator';
import { useChange } from '../../api/useChange';
import { useQuery } from '../../api/useQuery';
import { RuleDeleteDocument } from '../../gql/RuleDelete';
import { RuleHistoryDocument } from '../../gql/RuleHistory';
import { RuleSaveDocument } from '../../gql/RuleSave';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { Confirm } from '../../ui/Confirm';
import { useUnsaved } from '../../ui/Leaving';
import { PageHeader } from '../../ui/PageHeader';
import { toast } from '../../ui/toasts';
import { DefinitionField } from './DefinitionField';
import { modeNames } from './modes';
import classes from './RuleEditor.module.css';
import { said } from './said';
import { TryOut } from './TryOut';
import { template } from './template';
import { type Checked, useChecked } from './useChecked';
import { type Version, Versions } from './Versions';

/** Where a rule of the console is written. No rule can have the id that stands for a new one. */
export const fresh = '_new';

export function RuleEditor({ rule }: { rule: string }) {
  return rule === fresh ? (
    <Editor rule="" versions={[]} total={0} onSaved={() => {}} />
  ) : (
    <Known rule={rule} />
  );
}

function Known({ rule }: { rule: string }) {
  const query = useQuery(RuleHistoryDocument, { rule });
  const [, go] = useLocation();
  return (
    <Answer of={query} bones={<Bones lines={6} height={48} />}>
      {({ ruleVersions: { edges, totalCount } }) =>
        edges.length === 0 ? (
          <Nothing
            title={`There is no rule ${rule} in the console`}
            action={
              <Button size="xs" variant="default" onClick={() => go('/rules')}>
                All rules
              </Button>
            }
          >
            Rules that come with Sentinel or lie in rules_dir are changed where they are written.
          </Nothing>
        ) : (
          <Editor
            key={rule}
            rule={rule}
            versions={edges.map((e) => e.node)}
            total={totalCount}
            onSaved={query.refetch}
          />
        )
      }
    </Answer>
  );
}

function Editor({
  rule,
  versions,
  total,
  onSaved,
}: {
  /** Empty for a new one. */
  rule: string;
  versions: Version[];
  total: number;
  onSaved: () => void;
}) {
  const { act } = useMay();
  const [, go] = useLocation();
  const last = versions[0];
  const deleted = last?.change === 'DELETED';
  const stored = (deleted ? versions.find((v) => v.definition) : last)?.definition ?? template;
  const [text, setText] = useState(stored);
  const [base, setBase] = useState(last?.number ?? 0); // the version that is being changed
  const [from, setFrom] = useState(stored); // its text
  const [asking, setAsking] = useState<'save' | 'delete'>();
  const [problem, setProblem] = useState('');
  function follow() {
    setText(stored);
    setFrom(stored);
    setBase(last?.number ?? 0);
  }
  const checked = useChecked(text, !act);
  const check = checked?.text === text ? checked.check : undefined;
  const sound = check?.mistakes.length === 0;
  const changed = text !== stored || !last || deleted;
  const overtaken = last !== undefined && last.number > base;
  if (overtaken && text === from) follow(); // nothing was written yet: what was known before is no news
  const letGo = useUnsaved(act && text !== from ? (rule ? `the rule ${rule}` : 'the new rule') : undefined);
  const save = useChange(RuleSaveDocument, { quietly: true });
  const remove = useChange(RuleDeleteDocument, { quietly: true });

  const write = async () => {
    setAsking(undefined);
    setProblem('');
    const { data, error } = await save.run({ definition: text, expectedVersion: base });
    if (error) {
      onSaved(); // somebody else may have been quicker
      return setProblem(said(error));
    }
    const { id, title, mode, saved } = data.saveRule;
    setBase(saved?.number ?? 0);
    setFrom(text);
    toast.done(`${title} is saved: ${modeNames[mode].toLowerCase()} from now on.`);
    if (id === rule) return onSaved();
    letGo();
    go(`/rules/${id}`, { replace: !rule });
  };
  const drop = async () => {
    const { error } = await remove.run({ rule, expectedVersion: base });
    setAsking(undefined);
    if (error) {
      onSaved();
      return setProblem(said(error));
    }
    toast.done(`${rule} is deleted. Its versions are kept.`);
    letGo();
    go('/rules');
  };

  return (
    <>
      <PageHeader
        title={rule || 'New rule'}
        actions={
          <>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconArrowLeft size={14} aria-hidden />}
              onClick={() => go('/rules')}
            >
              All rules
            </Button>
            {act && last && !deleted && (
              <Button
                size="xs"
                variant="default"
                leftSection={<IconTrash size={14} aria-hidden />}
                onClick={() => setAsking('delete')}
              >
                Delete
              </Button>
            )}
          </>
        }
      >
        {deleted
          ? `Deleted by ${last?.by}. Saving a version brings it back.`
          : 'One rule in YAML, as in a file of rules_dir. docs/RULES.md names every field.'}
      </PageHeader>
      <div className={classes.editor}>
        <div className={classes.main}>
          <DefinitionField
            value={text}
            readOnly={!act}
            mistakes={act ? (checked?.check?.mistakes ?? []) : []}
            onChange={setText}
          />
          {(problem || overtaken) && (
            <div className={classes.conflict} role="alert">
              <p>{problem || `${last?.by} saved version ${last?.number} while this one was open.`}</p>
              {overtaken && (
                <div className={classes.row}>
                  <Button
                    size="xs"
                    variant="default"
                    onClick={() => {
                      follow();
                      setProblem('');
                    }}
                  >
                    Take version {last?.number}
                  </Button>
                  <Button
                    size="xs"
                    variant="default"
                    onClick={() => {
                      setBase(last?.number ?? 0);
                      setProblem('');
                    }}
                  >
                    Keep mine, to save over it
                  </Button>
                </div>
              )}
            </div>
          )}
          {act && (
            <div className={classes.row}>
              <Button
                disabled={!sound || !changed || overtaken}
                loading={save.busy}
                onClick={() => (check?.mode === 'ENFORCE' ? setAsking('save') : void write())}
              >
                {deleted ? 'Bring back' : 'Save'}
              </Button>
              {changed && text !== stored && (
                <Button variant="default" onClick={() => setText(stored)}>
                  Undo changes
                </Button>
              )}
              <Standing checked={checked} text={text} changed={changed} />
            </div>
          )}
        </div>
        <div className={classes.beside}>
          {act && <Finds checked={checked} />}
          {act && <TryOut definition={text} usable={sound} />}
          {versions.length > 0 && (
            <Versions
              versions={versions}
              total={total}
              text={text}
              act={act}
              onTake={(v) => setText(v.definition)}
            />
          )}
        </div>
      </div>
      <Confirm
        opened={asking === 'save'}
        title={`Save ${check?.rule ?? 'it'}, enforcing?`}
        verb="Save and enforce"
        danger
        busy={save.busy}
        onConfirm={() => void write()}
        onClose={() => setAsking(undefined)}
      >
        <p>
          {check?.explanation} It acts from the very next request on. With <code>mode: shadow</code> it would
          only count what it would have done; a backtest tells whom it would have hit.
        </p>
      </Confirm>
      <Confirm
        opened={asking === 'delete'}
        title={`Delete ${rule}?`}
        verb="Delete"
        danger
        busy={remove.busy}
        onConfirm={() => void drop()}
        onClose={() => setAsking(undefined)}
      >
        <p>
          It looks for nothing from the very next request on. What it decided holds until it ends: lift that
          on the page IP management. Its versions are kept, and saving one brings it back.
        </p>
      </Confirm>
    </>
  );
}

/** Whether the text can be saved, in a few words. */
function Standing({
  checked,
  text,
  changed,
}: {
  checked: Checked | undefined;
  text: string;
  changed: boolean;
}) {
  return (
    <p className={classes.standing} role="status">
      {text.trim() === ''
        ? 'Write a rule first.'
        : checked?.text !== text
          ? 'Checking…'
          : checked.problem
            ? checked.problem
            : checked.check?.mistakes.length
              ? 'It has mistakes.'
              : changed
                ? 'It can be saved.'
                : 'It is saved.'}
    </p>
  );
}

/** What the text would look for, and what came of the traffic that it holds. */
function Finds({ checked }: { checked: Checked | undefined }) {
  const { explanation, scenarios = [] } = checked?.check ?? {};
  return (
    <section className={classes.part} aria-label="What it finds">
      <h2>What it finds</h2>
      <p>{explanation ?? 'Said in plain words once there is no mistake.'}</p>
      {scenarios.map((s) => (
        <p key={s.name} className={s.problem ? classes.problem : classes.kept}>
          <code>{s.name}</code>{' '}
          {s.problem ??
            (s.firedAt
              ? `fired at request ${s.firedAt} of ${s.requests}`
              : `silent over ${s.requests} requests`)}
        </p>
      ))}
    </section>
  );
}
