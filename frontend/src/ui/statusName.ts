const names: Record<number, string> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No content',
  206: 'Partial content',
  301: 'Moved',
  302: 'Found',
  304: 'Not modified',
  307: 'Redirect',
  308: 'Redirect',
  400: 'Bad request',
  401: 'Unauthenticated',
  402: 'Payment required',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Timed out',
  409: 'Conflict',
  410: 'Gone',
  413: 'Too large',
  415: 'Wrong type',
  422: 'Not acceptable as sent',
  429: 'Too many requests',
  499: 'Client went away',
  500: 'Server error',
  501: 'Not implemented',
  502: 'Bad gateway',
  503: 'Unavailable',
  504: 'Gateway timed out',
};

const classes: Record<number, string> = {
  1: 'Information',
  2: 'Success',
  3: 'Redirect',
  4: 'Client error',
  5: 'Server error',
};

/** What an HTTP status says, in a word or two. */
export function statusName(status: number): string {
  if (status === 0) return 'Answer not known';
  return names[status] ?? classes[Math.floor(status / 100)] ?? '';
}
