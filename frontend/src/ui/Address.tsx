import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import classes from './Address.module.css';
import { toast } from './toasts';

/** An address, network, key or reference, to be read exactly and copied. `to` makes it a link. */
export function Address({ value, to, what = 'address' }: { value: string; to?: string; what?: string }) {
  return (
    <span className={classes.address}>
      {to ? (
        <Link href={to} className={classes.text}>
          {value}
        </Link>
      ) : (
        <span className={classes.text}>{value}</span>
      )}
      <Copy value={value} what={what} />
    </span>
  );
}

/** Copies `value`; `copied` is true for a moment afterwards. */
export function useCopy(value: string): { copied: boolean; copy: () => Promise<void> } {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      toast.failed('The browser did not allow copying.');
    }
  };
  return { copied, copy };
}

/** A small button that copies `value`. */
export function Copy({ value, what, label }: { value: string; what: string; label?: string }) {
  const { copied, copy } = useCopy(value);
  return (
    <button
      type="button"
      className={classes.copy}
      aria-label={copied ? `Copied ${what}` : (label ?? `Copy ${what} ${value}`)}
      title="Copy"
      onClick={(event) => {
        event.stopPropagation();
        void copy();
      }}
    >
      {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
    </button>
  );
}
