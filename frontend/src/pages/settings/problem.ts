import type { CombinedError } from '@urql/core';
import { explain, fieldProblem } from '../../api/explain';

/** What the server has against a form, as a sentence that stands beside the field it is about. */
export function said(error: CombinedError): string {
  const about = fieldProblem(error);
  const field = about?.field.slice(about.field.lastIndexOf('.') + 1);
  const text =
    about && field ? about.problem.replace(new RegExp(`^(input\\.)?${field} `), '') : explain(error);
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
