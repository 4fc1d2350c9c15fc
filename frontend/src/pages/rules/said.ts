import type { CombinedError } from '@urql/core';
import { explain, fieldProblem } from '../../api/explain';

/** Why a rule was not saved, as a sentence. */
export function said(error: CombinedError): string {
  const about = fieldProblem(error);
  if (!about?.field.endsWith('expectedVersion')) return explain(error);
  const why = about.problem.replace(/^(input\.)?expectedVersion is \d+, and /, '');
  return `${why.charAt(0).toUpperCase()}${why.slice(1)}.`;
}
