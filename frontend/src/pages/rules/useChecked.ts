import { useEffect, useState } from 'react';
import { useClient } from 'urql';
import { explain } from '../../api/explain';
import { RuleCheckedDocument, type RuleCheckedQuery } from '../../gql/RuleChecked';

export interface Checked {
  /** The text that the answer is about; the one at hand while it is no other. */
  text: string;
  check?: RuleCheckedQuery['checkRule'];
  /** Why there is no answer. */
  problem?: string;
}

const rest = 400; // milliseconds without a key before the server is asked

/** What the server says of a text, once nobody types for a moment; undefined until then. */
export function useChecked(text: string, skip: boolean): Checked | undefined {
  const client = useClient();
  const [checked, setChecked] = useState<Checked>();
  useEffect(() => {
    if (skip || text.trim() === '') return;
    let gone = false;
    const timer = setTimeout(async () => {
      const { data, error } = await client
        .query(RuleCheckedDocument, { definition: text }, { requestPolicy: 'network-only' })
        .toPromise();
      if (gone) return;
      if (data) setChecked({ text, check: data.checkRule });
      else if (error) setChecked({ text, problem: explain(error) });
    }, rest);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [client, text, skip]);
  return checked;
}
