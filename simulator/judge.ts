// What must be said of a run, and whether it came true. judge.go says the same: the sentences
// are in words.json, and testdata/verdicts.json holds both to them.

import { members, type Plan, type Promised } from './plan';
import words from './words.json';

/** What became of one request; times are milliseconds after the start of the run. */
export interface Outcome {
  /** 0 when nobody answered. */
  status: number;
  sent: number;
  answered: number;
  /** Of the receipt, when it was refused. */
  reference?: string;
  problem?: string;
}

/** What the console knows about one actor after the run. */
export interface Facts {
  alerts: AlertFact[];
  decisions: DecisionFact[];
}

export interface AlertFact {
  id: string;
  rule: string;
  severity: string;
  open: boolean;
  /** Of the incident it is in, empty for none. */
  incident: string;
  reference: string;
}

export interface DecisionFact {
  id: string;
  action: string;
  /** Empty when no rule made it. */
  rule: string;
  /** About this actor alone, not a network around it. */
  own: boolean;
  inForce: boolean;
  /** How long it lasts; 0 until lifted. */
  seconds: number;
}

/** A plan and everything that came of it, actor by actor in the order of the plan. */
export interface Played {
  plan: Plan;
  outcomes: Outcome[][];
  facts: Facts[];
}

/** Whether a promise came true, in one sentence with the figures. */
export interface Verdict {
  kind: string;
  group?: string | undefined;
  claim: string;
  kept: boolean;
  sentence: string;
}

/** Whether the gateway answered: the sandbox never says 403 or 429. */
export const refused = (o: Outcome) => o.status === 403 || o.status === 429;

/** Says of every promise of the scenario whether it came true. */
export function judge(p: Played): Verdict[] {
  return p.plan.scenario.promises.map((promise) => {
    const said = judges[promise.kind]?.(p, promise) ?? {
      fills: {},
      broken: [`unknown kind ${promise.kind}`],
    };
    const [first, ...others] = said.broken;
    const { kind, group, claim } = promise;
    let sentence = into(promise.kept, said.fills);
    if (first !== undefined) {
      sentence = others.length ? say('more', { sentence: first, others: others.length }) : first;
    }
    return { kind, group, claim, kept: first === undefined, sentence };
  });
}

/** Counts the requests that got through although the first refusal was due, and how many had to be refused. */
export function lateOf(p: Played): { late: number; due: number } {
  const after = p.plan.scenario.promises
    .filter((promise) => promise.kind === 'refused')
    .flatMap((promise) =>
      members(p.plan, promise.group).flatMap((i) => outcomes(p, i).slice((promise.from ?? 1) - 1)),
    );
  return { late: after.filter((o) => o.status !== 0 && !refused(o)).length, due: after.length };
}

type Fills = Record<string, string | number>;
type Judge = (p: Played, promise: Promised) => { fills: Fills; broken: string[] };

const judges: Record<string, Judge> = {
  refused(p, promise) {
    const { from = 1, status = 0, then: later = 0 } = promise;
    let slowest = 0;
    const broken = each(p, promise, (i, address) => {
      const os = outcomes(p, i);
      for (const [n, o] of os.entries()) {
        const request = n + 1;
        if (request < from && refused(o)) {
          return say('early', { address, request, status: o.status, promised: from });
        }
        const promised = request < from ? o.status : request === from ? status : later;
        if (o.status !== promised) return say('answered', { address, request, status: o.status, promised });
        if (refused(o) && !o.reference) return say('unreferenced', { address, request, status: o.status });
      }
      slowest = Math.max(slowest, (os[from - 1]?.answered ?? 0) - (os[0]?.sent ?? 0));
      return '';
    });
    return { fills: { ...general(p, promise), request: from, seconds: seconds(slowest) }, broken };
  },

  late(p, promise) {
    const fills = { ...general(p, promise), ...lateOf(p) };
    if (fills.due === 0) return { fills, broken: [say('never', fills)] };
    return { fills, broken: fills.late > (promise.max ?? 0) ? [say('late', fills)] : [] };
  },

  answered(p, promise) {
    const { from = 1, to = Number.POSITIVE_INFINITY, status: promised = 0 } = promise;
    const broken = each(p, promise, (i, address) => {
      const n = outcomes(p, i).findIndex((o, n) => n + 1 >= from && n + 1 <= to && o.status !== promised);
      if (n < 0) return '';
      return say('answered', { address, request: n + 1, status: outcomes(p, i)[n]?.status ?? 0, promised });
    });
    return { fills: general(p, promise), broken };
  },

  alert(p, promise) {
    const { rule = '', severity: promised = '', exactly = 0 } = promise;
    let alerts = 0;
    const broken = each(p, promise, (i, address) => {
      const all = facts(p, i).alerts;
      const own = all.filter((a) => a.rule === rule);
      alerts += own.length;
      if (own.length !== exactly)
        return say('alerts', { address, rule, count: own.length, promised: exactly });
      const amiss = own.findLast((a) => a.severity !== promised);
      if (amiss) return say('severity', { address, rule, severity: amiss.severity, promised });
      const other = all.findLast((a) => a.rule !== rule);
      return other && promise.alone ? say('another', { address, rule: other.rule }) : '';
    });
    return { fills: { ...general(p, promise), alerts }, broken };
  },

  decision(p, promise) {
    const { rule = '', action = '', seconds: promised = 0 } = promise;
    const broken = each(p, promise, (i, address) => {
      const found = facts(p, i).decisions.find(
        (d) => d.own && d.inForce && d.action === action && d.rule === rule,
      );
      if (!found) return say('decision', { address, action, rule });
      if (!promised || found.seconds === promised) return '';
      return say('lasts', { address, action, rule, promised, count: found.seconds });
    });
    return { fills: general(p, promise), broken };
  },

  incident(p, promise) {
    const known = new Set<string>();
    let alerts = 0;
    const broken = each(p, promise, (i, address) => {
      const all = facts(p, i).alerts;
      if (all.length === 0) return say('unseen', { address });
      for (const a of all) {
        if (!a.incident) return say('loose', { address, rule: a.rule });
        alerts++;
        known.add(a.incident);
      }
      return '';
    });
    const fills = { ...general(p, promise), alerts, incidents: known.size };
    if (broken.length === 0 && known.size !== promise.exactly) {
      broken.push(say('incidents', { ...fills, promised: promise.exactly ?? 0 }));
    }
    return { fills, broken };
  },

  silent(p, promise) {
    const broken = each(p, promise, (i, address) => {
      const n = outcomes(p, i).findIndex(refused);
      if (n >= 0) return say('refused', { address, request: n + 1, status: outcomes(p, i)[n]?.status ?? 0 });
      const alert = facts(p, i).alerts[0];
      if (alert) return say('alerted', { address, rule: alert.rule });
      const decision = facts(p, i).decisions.find((d) => d.rule && d.inForce);
      return decision ? say('decided', { address, rule: decision.rule, action: decision.action }) : '';
    });
    return { fills: general(p, promise), broken };
  },
};

// Collects what broke the promise, for each actor of its group. Whoever did not get to the end of
// his requests broke it: what was not tried was not shown.
function each(p: Played, promise: Promised, broke: (i: number, address: string) => string): string[] {
  return members(p.plan, promise.group)
    .map((i) => {
      const address = p.plan.actors[i]?.label ?? '';
      return unfinished(p, i, address) || broke(i, address);
    })
    .filter((sentence) => sentence !== '');
}

function unfinished(p: Played, i: number, address: string): string {
  const planned = p.plan.actors[i]?.requests.length ?? 0;
  const answered = outcomes(p, i).filter((o) => o.status !== 0).length;
  if (answered === planned) return '';
  const problem = outcomes(p, i).findLast((o) => o.problem)?.problem;
  return say('unfinished', { address, answered, planned, problem: problem ? `: ${problem}` : '' });
}

function general(p: Played, promise: Promised): Fills {
  const of = members(p.plan, promise.group);
  const all = of.flatMap((i) => outcomes(p, i));
  return { actors: of.length, requests: all.length, refused: all.filter(refused).length };
}

const outcomes = (p: Played, i: number) => p.outcomes[i] ?? [];
const facts = (p: Played, i: number) => p.facts[i] ?? { alerts: [], decisions: [] };

const say = (word: keyof typeof words, fills: Fills) => into(words[word], fills);

function into(sentence: string, fills: Fills): string {
  return sentence.replace(/\{([a-zA-Z]+)\}/g, (slot, name) => {
    const value = fills[name];
    return value === undefined ? slot : typeof value === 'number' ? thousands(value) : value;
  });
}

const thousands = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** To the millisecond below a second, else to a tenth, rounded half up: in whole numbers, as Go does. */
function seconds(milliseconds: number): string {
  const whole = Math.floor(milliseconds);
  if (whole < 1000) return `0.${String(whole).padStart(3, '0')}`;
  const tenths = Math.floor((whole + 50) / 100);
  return `${thousands(Math.floor(tenths / 10))}.${tenths % 10}`;
}
