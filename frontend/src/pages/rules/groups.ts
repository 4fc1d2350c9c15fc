import type { RuleItemFragment } from '../../gql/RuleItem';

export interface Filter {
  text: string;
  /** Empty: every pack, every mode. */
  pack: string;
  mode: RuleItemFragment['mode'] | '';
}

export interface Group {
  pack: string;
  rules: RuleItemFragment[];
}

/** The packs there are: those that come with the program first, then the operator's by name. */
export function packsOf(rules: RuleItemFragment[]): string[] {
  const own = ['core', 'fintech'];
  return [...new Set(rules.map((r) => r.pack))].sort(
    (a, b) => place(own, a) - place(own, b) || a.localeCompare(b),
  );
}

function place(own: string[], pack: string): number {
  return own.includes(pack) ? own.indexOf(pack) : own.length;
}

/** Rules that a filter asks for, by pack. Every word of the text must stand somewhere in the rule. */
export function grouped(rules: RuleItemFragment[], filter: Filter): Group[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const asked = rules.filter((r) => {
    const all = `${r.id} ${r.title} ${r.explanation} ${r.severity} ${r.failed ?? ''}`.toLowerCase();
    return (
      (!filter.pack || r.pack === filter.pack) &&
      (!filter.mode || r.mode === filter.mode) &&
      words.every((w) => all.includes(w))
    );
  });
  return packsOf(asked).map((pack) => ({ pack, rules: asked.filter((r) => r.pack === pack) }));
}

export interface Sum {
  enforce: number;
  shadow: number;
  off: number;
  /** On, and not in force. */
  failed: number;
  requests: number;
  findings: number;
}

/** How rules stand, and what they would have done. */
export function sum(rules: RuleItemFragment[]): Sum {
  const all = { enforce: 0, shadow: 0, off: 0, failed: 0, requests: 0, findings: 0 };
  for (const r of rules) {
    if (r.failed) all.failed++;
    else if (r.mode === 'ENFORCE') all.enforce++;
    else if (r.mode === 'SHADOW') all.shadow++;
    else all.off++;
    all.requests += r.wouldHave.requests;
    all.findings += r.wouldHave.findings;
  }
  return all;
}
