import { useId, useRef } from 'react';
import type { RuleCheckedQuery } from '../../gql/RuleChecked';
import classes from './RuleEditor.module.css';

export type Mistake = RuleCheckedQuery['checkRule']['mistakes'][number];

/** The text of a rule, with its lines numbered, and what is wrong in it beside the line. */
export function DefinitionField({
  value,
  mistakes,
  readOnly,
  onChange,
}: {
  value: string;
  mistakes: Mistake[];
  readOnly: boolean;
  onChange: (text: string) => void;
}) {
  const id = useId();
  const gutter = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const lines = value.split('\n');
  const wrong = new Set(mistakes.map((m) => m.line));
  const jump = (line: number) => {
    const from = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0);
    field.current?.focus();
    field.current?.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  };
  return (
    <div className={classes.field}>
      <label htmlFor={id}>Definition</label>
      <div className={classes.frame} data-wrong={mistakes.length > 0 || undefined}>
        <div ref={gutter} className={classes.gutter} aria-hidden>
          {lines.map((_, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
            <span key={i} data-wrong={wrong.has(i + 1) || undefined}>
              {i + 1}
            </span>
          ))}
        </div>
        <textarea
          id={id}
          ref={field}
          className={classes.text}
          value={value}
          readOnly={readOnly}
          rows={Math.min(Math.max(lines.length + 1, 14), 28)}
          maxLength={65_536}
          wrap="off"
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          aria-invalid={mistakes.length > 0}
          aria-describedby={`${id}-mistakes`}
          onChange={(e) => onChange(e.currentTarget.value)}
          onScroll={(e) => gutter.current?.scrollTo({ top: e.currentTarget.scrollTop })}
        />
      </div>
      <ul id={`${id}-mistakes`} className={classes.mistakes} aria-label="Mistakes" aria-live="polite">
        {inOrder(mistakes).map((m) => (
          <li key={`${m.line} ${m.field} ${m.problem}`}>
            {m.line ? (
              <button type="button" onClick={() => jump(m.line ?? 1)}>
                Line {m.line}
              </button>
            ) : (
              <span>Text</span>
            )}
            <p>
              {m.field && <code>{m.field}</code>} {m.problem}
            </p>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** From the top of the text; what is about all of it comes first. */
function inOrder(mistakes: Mistake[]): Mistake[] {
  return [...mistakes].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
