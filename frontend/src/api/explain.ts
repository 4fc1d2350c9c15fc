import type { CombinedError } from '@urql/core';

interface Extensions {
  code?: string;
  field?: string;
  reference?: string;
}

/** One sentence for a person about why there is no answer. */
export function explain(error: CombinedError): string {
  const [first] = error.graphQLErrors;
  if (!first) return 'The server did not answer.';
  const { code, field, reference } = first.extensions as Extensions;
  if (code === 'INTERNAL' && reference) return `Something went wrong on the server. Reference ${reference}.`;
  let message = first.message.trim();
  if (code === 'TOO_COMPLEX') message = message.replace(/^The document /, 'The question '); // who opened a page wrote no document
  // input.target covers too much: who filled in a form knows no input.
  if (field?.includes('.') && message.startsWith(`${field} `))
    message = message.slice(field.lastIndexOf('.') + 1);
  return message.charAt(0).toUpperCase() + message.slice(1);
}

/** Which field of a form the server refused, and why; undefined when it was not about a field. */
export function fieldProblem(error: CombinedError): { field: string; problem: string } | undefined {
  for (const e of error.graphQLErrors) {
    const { code, field } = e.extensions as Extensions;
    if (code === 'INVALID' && field) return { field, problem: e.message };
  }
  return undefined;
}
