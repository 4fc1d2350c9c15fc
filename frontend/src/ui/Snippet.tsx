import { Copy } from './Address';
import classes from './Snippet.module.css';

/** Lines for a file or a terminal, to be copied. */
export function Snippet({ children, what }: { children: string; what: string }) {
  return (
    <div className={classes.snippet}>
      <pre>{children}</pre>
      <Copy value={children} label={`Copy ${what}`} what={what} />
    </div>
  );
}
