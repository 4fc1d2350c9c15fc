import type { RuleMode } from '../../gql/schema';

export const modeNames: Record<RuleMode, string> = { ENFORCE: 'Enforce', SHADOW: 'Shadow', OFF: 'Off' };

/** What comes of a mode, and the verb that puts a rule into it. */
export const modeWill: Record<RuleMode, { verb: string; text: string }> = {
  ENFORCE: { verb: 'Enforce', text: 'It acts on what it finds: who trips it is dealt with as it says.' },
  SHADOW: {
    verb: 'Put in shadow',
    text: 'It raises alerts and counts what it would have done, and refuses nobody.',
  },
  OFF: { verb: 'Switch off', text: 'It looks for nothing, and raises no alerts.' },
};
