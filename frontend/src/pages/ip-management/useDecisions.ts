import { useCallback, useMemo, useState } from 'react';
import { useLive } from '../../api/useLive';
import { usePages } from '../../api/usePages';
import { useQuery } from '../../api/useQuery';
import { IpChangedDocument } from '../../gql/IpChanged';
import { IpCountsDocument } from '../../gql/IpCounts';
import { IpPageDocument, type IpPageQuery } from '../../gql/IpPage';
import type { IpRowFragment } from '../../gql/IpRow';
import { ask, type ListFilter, stays } from './filter';

const pageSize = 50;
const remembered = 500; // changes; the list itself forgets none

const pageOf = (d: IpPageQuery) => d.decisions;

/** The decisions that match, as they change, and how many there are of each kind. */
export function useDecisions(filter: ListFilter) {
  const wanted = useMemo(() => ask(filter), [filter]);
  const list = usePages(IpPageDocument, { filter: wanted, first: pageSize }, pageOf);
  const counts = useQuery(
    IpCountsDocument,
    useMemo(() => countsOf(filter), [filter]),
  );
  const [changed, setChanged] = useState<ReadonlyMap<string, IpRowFragment>>(new Map());

  const [again, count] = [list.refetch, counts.refetch];
  const refetch = useCallback(() => {
    again();
    count();
  }, [again, count]);
  useLive(IpChangedDocument, refetch, {
    seen: ({ decisionChanged: d }) =>
      setChanged(
        (was) =>
          new Map(
            [...was]
              .filter(([id]) => id !== d.id)
              .concat([[d.id, d]])
              .slice(-remembered),
          ),
      ),
    returned: () => {
      setChanged(new Map()); // changes were missed: what is known of them may be out of date
      refetch();
    },
  });

  const { nodes } = list.pages;
  const rows = useMemo(
    () => nodes.map((d) => changed.get(d.id) ?? d).filter((d) => stays(d, filter)),
    [nodes, changed, filter],
  );
  return { list, rows, counts: counts.data, changed, refetch };
}

function countsOf(filter: ListFilter) {
  const of = (action: ListFilter['action']) => ask({ ...filter, action });
  return { all: of(''), block: of('BLOCK'), allow: of('ALLOW'), monitor: of('MONITOR') };
}
