/**
 * A feed as it stands: what was just announced comes first, then what the query knows. An item that both
 * know is shown as announced, in the query's place.
 */
export function merged<Item extends { id: string }>(announced: Item[], known: Item[], most: number): Item[] {
  const news = new Map(announced.map((a) => [a.id, a]));
  const inQuery = new Set(known.map((k) => k.id));
  const first = announced.filter((a) => !inQuery.has(a.id));
  return [...first, ...known.map((k) => news.get(k.id) ?? k)].slice(0, most);
}

/** Puts an item first, once, and forgets what is too old to be shown. */
export function announce<Item extends { id: string }>(announced: Item[], item: Item, most: number): Item[] {
  return [item, ...announced.filter((a) => a.id !== item.id)].slice(0, most);
}

/** A reason that begins with the address that already stands above it, without it. */
export function withoutSubject(reason: string, subject: string): string {
  if (!reason.startsWith(`${subject} `)) return reason;
  const rest = reason.slice(subject.length + 1);
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}
