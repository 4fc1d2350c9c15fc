/** The mark: a shield that listens to a pulse. */
export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true">
      <path
        d="M16 2 28 6.5V15c0 7.6-4.9 12.6-12 15C8.9 27.6 4 22.6 4 15V6.5Z"
        fill="var(--s-accent-soft)"
        stroke="var(--s-accent)"
        strokeWidth="2"
        strokeLinejoin="round"
      />
      <path
        d="M8.5 16h4L15 10.5 18.5 20.5 20.8 16h2.7"
        stroke="var(--s-accent)"
        strokeWidth="2.2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
