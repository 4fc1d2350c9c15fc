import {
  IconAffiliate,
  IconBolt,
  IconBug,
  IconCircleCheck,
  IconCircleX,
  IconCode,
  IconCreditCardPay,
  IconDeviceMobile,
  IconFishHook,
  IconKey,
  IconListNumbers,
  IconLoader2,
  IconLockOpen,
  IconRadar2,
  IconShieldCheck,
  IconStack2,
  IconUsers,
} from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import type { Scenario } from '../../../../simulator/play';
import { Panel } from '../../ui/Panel';
import classes from './ScenarioList.module.css';
import { scenarios } from './scenarios';
import type { View } from './simulation';

const icons: Record<string, typeof IconBolt> = {
  'normal-traffic': IconUsers,
  'rate-attack': IconBolt,
  'distributed-attack': IconAffiliate,
  'brute-force': IconKey,
  honeypot: IconBug,
  'combined-attack': IconStack2,
  'blind-payment': IconCreditCardPay,
  injection: IconCode,
  'object-enumeration': IconListNumbers,
  'honey-token': IconFishHook,
  'guessed-password': IconLockOpen,
  'moved-session': IconDeviceMobile,
  probing: IconRadar2,
};

/** What stands for a scenario. */
export function ScenarioIcon({ scenario, size = 18 }: { scenario: Scenario; size?: number }) {
  const Icon = icons[scenario.id] ?? IconShieldCheck;
  return <Icon size={size} stroke={1.7} aria-hidden />;
}

/** All scenarios, near misses in a group of their own, each with how its last run ended. */
export function ScenarioList({
  chosen,
  views,
  locked,
  onChoose,
}: {
  chosen: string;
  views: Record<string, View>;
  locked: boolean;
  onChoose: (id: string) => void;
}) {
  const nav = useRef<HTMLElement>(null);
  // Where the cards are a strip, or a list that scrolls, the chosen one is pushed into view; the page itself stays.
  useEffect(() => {
    const list = nav.current;
    const card = list?.querySelector<HTMLElement>(`[data-id="${CSS.escape(chosen)}"]`);
    const strip = card?.closest('ul');
    if (!list || !card || !strip) return;
    strip.scrollLeft = card.offsetLeft - strip.offsetLeft - 12;
    const [frame, at] = [list.getBoundingClientRect(), card.getBoundingClientRect()];
    if (at.top < frame.top || at.bottom > frame.bottom) list.scrollTop += at.top - frame.top - 46;
  }, [chosen]);

  const list = (of: Scenario[]) => (
    <ul className={classes.list}>
      {of.map((s) => (
        <li key={s.id} data-id={s.id}>
          <button
            type="button"
            className={classes.card}
            aria-current={s.id === chosen || undefined}
            disabled={locked && s.id !== chosen}
            onClick={() => onChoose(s.id)}
          >
            <span className={classes.icon}>
              <ScenarioIcon scenario={s} />
            </span>
            <span className={classes.title}>
              {s.title}
              <Result view={views[s.id]} />
            </span>
            <span className={classes.summary}>{s.summary}</span>
          </button>
        </li>
      ))}
    </ul>
  );
  return (
    <nav ref={nav} className={classes.groups} data-locked={locked || undefined} aria-label="Scenarios">
      <Panel title="Baseline and attacks" flush>
        {list(scenarios.filter((s) => s.kind !== 'near-miss'))}
      </Panel>
      <Panel title="Near misses" aside="must stay silent" flush>
        {list(scenarios.filter((s) => s.kind === 'near-miss'))}
      </Panel>
    </nav>
  );
}

function Result({ view }: { view: View | undefined }) {
  if (!view || view.phase === 'idle' || view.phase === 'stopped') return null;
  if (view.phase === 'failed' || view.verdicts.some((v) => !v.kept))
    return (
      <span className={classes.broken}>
        <IconCircleX size={16} aria-hidden />
        <span className="only-heard">
          , {view.phase === 'failed' ? 'could not be played' : 'promises broken'}
        </span>
      </span>
    );
  if (view.phase === 'done')
    return (
      <span className={classes.kept}>
        <IconCircleCheck size={16} aria-hidden />
        <span className="only-heard">, all promises kept</span>
      </span>
    );
  return (
    <span className={classes.busy}>
      <IconLoader2 size={16} aria-hidden />
      <span className="only-heard">, playing</span>
    </span>
  );
}
