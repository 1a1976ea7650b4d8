/** The few signs that the pages use, drawn for 16 px. They only repeat what words beside them say. */
const PATHS = {
  copy: "M5 5V2.5h8.5V11H11M2.5 5H11v8.5H2.5z",
  check: "m3 8.5 3.5 3.5L13 4.5",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10m3.5-1.5L14 14",
  cross: "m4 4 8 8m0-8-8 8",
  fold: "m6 4 4 4-4 4",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M8 1v2m0 10v2M1 8h2m10 0h2M3 3l1.5 1.5m7 7L13 13M3 13l1.5-1.5m7-7L13 3",
} as const;

export function Icon({ name, className = "" }: { name: keyof typeof PATHS; className?: string }) {
  return (
    <svg
      viewBox="0 0 16 16"
      aria-hidden="true"
      className={`size-4 shrink-0 fill-none stroke-current stroke-[1.5] ${className}`}
    >
      <path d={PATHS[name]} strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
