/** What the server asks of a password (server/access/password.go), as far as a page can say it. */
export const shortest = 12;
export const longest = 128;

export interface Rule {
  text: string;
  /** What to say when it is broken. */
  broken: string;
  kept: boolean;
}

/** The rules, and which of them a password keeps so far. Whether it is well known only the server says. */
export function rulesFor(name: string, password: string): Rule[] {
  const length = [...password].length;
  return [
    {
      text: length > longest ? `At most ${longest} characters` : `At least ${shortest} characters`,
      broken:
        length > longest ? `Use at most ${longest} characters.` : `Use at least ${shortest} characters.`,
      kept: length >= shortest && length <= longest,
    },
    {
      text: 'Does not contain your name',
      broken: 'It must not contain your name.',
      kept: length > 0 && !(name && password.toLowerCase().includes(name.toLowerCase())),
    },
  ];
}
