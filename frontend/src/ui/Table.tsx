import type { ReactNode } from 'react';
import classes from './Table.module.css';

export interface Column<Row> {
  /** Stands above the column, and beside the value where rows become cards. */
  head: string;
  cell: (row: Row) => ReactNode;
  align?: 'left' | 'right';
  /** A CSS width for the column. */
  width?: string;
  /** This cell opens the row: its content becomes a button. One column at most. */
  opens?: boolean;
  /** Cuts long text with an ellipsis instead of wrapping. */
  cut?: boolean;
}

/**
 * Rows in columns; below 760 px every row is a card of label and value. With `onOpen` a click anywhere on
 * a row opens it, and the keyboard reaches the button in the column that `opens`.
 */
export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  onOpen,
  opened,
}: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row) => string;
  onOpen?: (row: Row) => void;
  /** The key of the row that is open, to mark it. */
  opened?: string | undefined;
}) {
  return (
    // Roles are written out because a table laid out as cards loses its own.
    // biome-ignore-start lint/a11y/noRedundantRoles: display: block takes the native ones away
    <table className={classes.table} role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((c) => (
            <th
              key={c.head}
              scope="col"
              role="columnheader"
              data-align={c.align}
              style={c.width ? { width: c.width } : undefined}
            >
              {c.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => {
          const key = keyOf(row);
          return (
            <tr
              key={key}
              role="row"
              data-opens={onOpen ? true : undefined}
              data-opened={key === opened || undefined}
              onClick={onOpen && (() => onOpen(row))}
            >
              {columns.map((c) => (
                <td
                  key={c.head}
                  role="cell"
                  data-label={c.head}
                  data-align={c.align}
                  data-cut={c.cut || undefined}
                >
                  {c.opens && onOpen ? (
                    <button
                      type="button"
                      className={classes.open}
                      onClick={(event) => {
                        event.stopPropagation();
                        onOpen(row);
                      }}
                    >
                      {c.cell(row)}
                    </button>
                  ) : (
                    c.cell(row)
                  )}
                </td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
    // biome-ignore-end lint/a11y/noRedundantRoles: see above
  );
}
