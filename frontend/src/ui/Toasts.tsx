import { IconAlertTriangleFilled, IconCircleCheckFilled, IconX } from '@tabler/icons-react';
import classes from './Toasts.module.css';
import { dismiss, useToasts } from './toasts';

/** Where toasts appear; one for the whole app. */
export function Toasts() {
  const shown = useToasts();
  return (
    <section className={classes.toasts} aria-label="Notices" aria-live="polite" aria-relevant="additions">
      {shown.map((t) => (
        <div key={t.id} className={classes.toast} data-kind={t.kind}>
          {t.kind === 'done' ? (
            <IconCircleCheckFilled size={18} aria-hidden />
          ) : (
            <IconAlertTriangleFilled size={18} aria-hidden />
          )}
          <p>{t.text}</p>
          {t.undo && (
            <button
              type="button"
              className={classes.undo}
              onClick={() => {
                t.undo?.();
                dismiss(t.id);
              }}
            >
              Undo
            </button>
          )}
          <button type="button" className={classes.close} aria-label="Dismiss" onClick={() => dismiss(t.id)}>
            <IconX size={15} aria-hidden />
          </button>
        </div>
      ))}
    </section>
  );
}
