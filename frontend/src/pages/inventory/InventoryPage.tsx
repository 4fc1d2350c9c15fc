import { Button, CloseButton, NativeSelect, TextInput } from '@mantine/core';
import { IconListTree, IconSearch, IconSearchOff } from '@tabler/icons-react';
import { useDeferredValue, useMemo, useState } from 'react';
import { useEvery } from '../../api/useEvery';
import { useQuery } from '../../api/useQuery';
import { count, many } from '../../format/numbers';
import { InventoryPageDocument } from '../../gql/InventoryPage';
import { Answer, Bones, Nothing } from '../../ui/Answer';
import { PageHeader } from '../../ui/PageHeader';
import { ToSimulator } from '../../ui/ToSimulator';
import { EndpointTable } from './EndpointTable';
import { type Kind, kinds, type Order, orders, sorted } from './endpoints';
import classes from './InventoryPage.module.css';

/** What the API serves, as it was seen to, and how that stands to its OpenAPI file. */
export function InventoryPage() {
  const [text, setText] = useState('');
  const [kind, setKind] = useState<Kind>('all');
  const [order, setOrder] = useState<Order>('route');
  const asked = useDeferredValue(text.trim());
  const filter = useMemo(() => ({ ...kinds[kind].filter, ...(asked && { text: asked }) }), [kind, asked]);
  const query = useQuery(InventoryPageDocument, { filter });
  useEvery(10_000, query.refetch);
  const all = () => {
    setText('');
    setKind('all');
  };
  const withFile = query.data?.known.edges[0]?.node.listing != null;
  return (
    <>
      <PageHeader title="Inventory">What the API serves, as it was seen to.</PageHeader>
      <search className={classes.filters} aria-label="Filter">
        <TextInput
          className={classes.text ?? ''}
          size="xs"
          type="search"
          value={text}
          maxLength={200}
          onChange={(e) => setText(e.currentTarget.value)}
          placeholder="Route contains…"
          aria-label="Route contains"
          leftSection={<IconSearch size={14} aria-hidden />}
          rightSection={
            text ? <CloseButton size="xs" aria-label="Clear the search" onClick={() => setText('')} /> : null
          }
        />
        <NativeSelect
          size="xs"
          aria-label="Show"
          value={kind}
          onChange={(e) => setKind(e.currentTarget.value as Kind)}
          data={(Object.keys(kinds) as Kind[])
            .filter((k) => withFile || !kinds[k].file)
            .map((k) => ({ value: k, label: kinds[k].label }))}
        />
        <NativeSelect
          size="xs"
          aria-label="Sort by"
          value={order}
          onChange={(e) => setOrder(e.currentTarget.value as Order)}
          data={(Object.keys(orders) as Order[]).map((o) => ({ value: o, label: orders[o] }))}
        />
      </search>
      <Answer of={query} bones={<Bones lines={6} height={42} />}>
        {({ inventory: { edges, totalCount }, known }) =>
          known.totalCount === 0 ? (
            <Nothing
              icon={<IconListTree size={34} stroke={1.4} aria-hidden />}
              title="Nothing was served yet"
              action={<ToSimulator>Start the simulator</ToSimulator>}
            >
              An endpoint is listed once the API has answered there.
            </Nothing>
          ) : edges.length === 0 ? (
            <Nothing
              icon={<IconSearchOff size={30} stroke={1.5} aria-hidden />}
              title="No endpoint is like that"
              action={
                <Button size="xs" variant="default" onClick={all}>
                  Show all {count(known.totalCount)}
                </Button>
              }
            />
          ) : (
            <>
              <p className={classes.total} role="status">
                {many(totalCount, 'endpoint')}
                {totalCount > edges.length &&
                  `, the first ${count(edges.length)} by route: search for others`}
                {!withFile &&
                  '. Name your OpenAPI file in gateway.routes.openapi, and shadow and unused endpoints are marked.'}
              </p>
              <EndpointTable
                endpoints={sorted(
                  edges.map((e) => e.node),
                  order,
                )}
              />
            </>
          )
        }
      </Answer>
    </>
  );
}
