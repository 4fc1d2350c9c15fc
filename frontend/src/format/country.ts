const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' });

/** The Netherlands (NL); the code alone where the browser knows no name for it. */
export function countryName(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  const name = names.of(code);
  return name && name !== code ? `${name} (${code})` : code;
}
