import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { useChange } from '../../api/useChange';
import type { RuleItemFragment } from '../../gql/RuleItem';
import { RuleSetModeDocument } from '../../gql/RuleSetMode';
import type { RuleMode } from '../../gql/schema';
import { Confirm } from '../../ui/Confirm';
import { Time } from '../../ui/Time';
import { toast } from '../../ui/toasts';
import { ImpactPreview } from './ImpactPreview';
import { modeNames, modeWill } from './modes';
import classes from './RulesPage.module.css';

/** The mode of a rule, to be changed by who may, after a look at what that would do. */
export function ModeControl({ rule, onSet }: { rule: RuleItemFragment; onSet: () => void }) {
  const [asked, setAsked] = useState<{ mode: RuleMode; back?: boolean }>();
  const { run, busy } = useChange(RuleSetModeDocument);
  const set = async () => {
    if (!asked) return;
    const { error } = await run({ rule: rule.id, mode: asked.back ? null : asked.mode });
    if (error) return;
    toast.done(`${rule.title}: ${modeNames[asked.mode].toLowerCase()} from now on.`);
    setAsked(undefined);
    onSet();
  };
  return (
    <div className={classes.control}>
      <NativeSelect
        size="xs"
        className={classes.select ?? ''}
        aria-label={`Mode of ${rule.title}`}
        value={rule.mode}
        onChange={(e) => setAsked({ mode: e.currentTarget.value as RuleMode })}
        data={(['ENFORCE', 'SHADOW', 'OFF'] as const).map((mode) => ({
          value: mode,
          label: modeNames[mode],
        }))}
      />
      {rule.modeSet && (
        <p className={classes.set}>
          Set by {rule.modeSet.by}, <Time at={rule.modeSet.at} />.{' '}
          <button
            type="button"
            className={classes.link}
            aria-label={`Take back the mode of ${rule.title}`}
            onClick={() => setAsked({ mode: rule.usualMode, back: true })}
          >
            Take back
          </button>
        </p>
      )}
      <Confirm
        opened={asked !== undefined}
        title={asked ? `${modeWill[asked.mode].verb}: ${rule.title}?` : ''}
        verb={asked ? modeWill[asked.mode].verb : ''}
        danger={asked?.mode === 'ENFORCE'}
        busy={busy}
        onConfirm={() => void set()}
        onClose={() => setAsked(undefined)}
      >
        {asked && (
          <div className={classes.asked}>
            <p>
              {asked.back && 'That is what its pack and the settings say. '}
              {modeWill[asked.mode].text} That holds from the very next request on
              {asked.back ? '.' : ', also after a restart, and can be taken back here.'}
            </p>
            {asked.mode !== rule.mode && <ImpactPreview rule={rule.id} mode={asked.mode} />}
          </div>
        )}
      </Confirm>
    </div>
  );
}
