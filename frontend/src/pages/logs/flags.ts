const words: Record<string, string> = {
  bad_forwarded_for: 'a forwarding header that can’t be believed',
  duplicate_key: 'its body names the account twice',
  simulated_header_in_production: 'a header that only the demo knows',
  body_unread: 'a body that could not be read for the account',
};

/** What the gateway found odd about a request, in words; its own name where there are none. */
export function flagWords(flag: string): string {
  return words[flag] ?? flag.replaceAll('_', ' ');
}
