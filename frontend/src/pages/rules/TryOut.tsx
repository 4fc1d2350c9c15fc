import { Button, NativeSelect } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { useClient } from 'urql';
import { explain } from '../../api/explain';
import { count, many } from '../../format/numbers';
import { RuleTriedDocument, type RuleTriedQuery } from '../../gql/RuleTried';
import classes from './RuleEditor.module.css';

const windows = [
  { value: '1h', label: 'the last hour' },
  { value: '24h', label: 'the last 24 hours' },
  { value: '7d', label: 'the last 7 days' },
];

type Tried = { text: string; result?: RuleTriedQuery['backtest']; problem?: string };

/** Plays the text over stored traffic: whom it would have hit. Nothing is saved, nobody is blocked. */
export function TryOut({ definition, usable }: { definition: string; usable: boolean }) {
  const client = useClient();
  const [window, setWindow] = useState('24h');
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState<Tried>();
  const run = async () => {
    setBusy(true);
    const { data, error } = await client
      .query(RuleTriedDocument, { definition, window }, { requestPolicy: 'network-only' })
      .toPromise();
    setBusy(false);
    setTried({
      text: definition,
      ...(data && { result: data.backtest }),
      ...(error && { problem: explain(error) }),
    });
  };
  return (
    <section className={classes.part} aria-label="Backtest">
      <h2>Backtest</h2>
      <p>Plays the text over stored traffic, as if it enforced. Nothing is saved and nobody is blocked.</p>
      <div className={classes.row}>
        <NativeSelect
          size="xs"
          aria-label="Stored traffic of"
          value={window}
          onChange={(e) => setWindow(e.currentTarget.value)}
          data={windows}
        />
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlayerPlay size={14} aria-hidden />}
          disabled={!usable}
          loading={busy}
          onClick={() => void run()}
        >
          Run
        </Button>
      </div>
      <div aria-live="polite">
        {tried?.problem && <p className={classes.problem}>{tried.problem}</p>}
        {tried?.result && <Result result={tried.result} />}
        {tried && tried.text !== definition && <p className={classes.dim}>The text has changed since.</p>}
      </div>
    </section>
  );
}

function Result({ result: r }: { result: RuleTriedQuery['backtest'] }) {
  const { figures: f } = r;
  if (r.played === 0) return <p className={classes.dim}>Nothing is stored of that time.</p>;
  return (
    <>
      <dl className={classes.figures}>
        <Figure name="played">{count(r.played)}</Figure>
        <Figure name="times fired">{count(f.findings)}</Figure>
        <Figure name="hit">{count(f.hit)}</Figure>
        <Figure name="refused">{count(f.refused)}</Figure>
        <Figure name="of those, answered well">{count(f.wellAnswered)}</Figure>
      </dl>
      {r.hits.length > 0 && (
        <ul className={classes.hits}>
          {r.hits.slice(0, 8).map((h) => (
            <li key={h.target.label}>
              <span className="mono">{h.target.label}</span>
              <span className={classes.dim}>
                {many(h.findings, 'finding')}
                {h.refused > 0 && `, ${many(h.refused, 'request')} refused`}
              </span>
            </li>
          ))}
          {f.hit > 8 && <li className={classes.dim}>and {count(f.hit - 8)} more</li>}
        </ul>
      )}
      {r.cut && <p className={classes.dim}>{r.cut}</p>}
    </>
  );
}

function Figure({ name, children }: { name: string; children: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
