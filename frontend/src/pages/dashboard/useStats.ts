import { useState } from 'react';
import { useLive } from '../../api/useLive';
import { type Question, useQuery } from '../../api/useQuery';
import { DashboardStatsDocument } from '../../gql/DashboardStats';
import { DashboardStatsChangedDocument } from '../../gql/DashboardStatsChanged';
import type { StatsFiguresFragment } from '../../gql/StatsFigures';

export type Stats = StatsFiguresFragment;

const remembered = 60; // rates, about a minute of them

/** The figures of the last hour: the query's answer, then each newer one as it is announced. */
export function useStats(): { question: Question<Stats>; rates: number[] } {
  const query = useQuery(DashboardStatsDocument);
  const [announced, setAnnounced] = useState<Stats>();
  const [rates, setRates] = useState<number[]>([]);
  const again = () => {
    setAnnounced(undefined); // there may have been a gap; what the query says is newer
    query.refetch();
  };
  useLive(DashboardStatsChangedDocument, undefined, {
    returned: again,
    seen: ({ statsChanged }) => {
      setAnnounced(statsChanged);
      setRates((was) => [...was, statsChanged.requestsPerSecond].slice(-remembered));
    },
  });
  const data = announced ?? query.data?.stats;
  const error = announced ? undefined : query.error; // what is announced is newer than what failed
  return { question: { ...query, data, error, refetch: again }, rates };
}
