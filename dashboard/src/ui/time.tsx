import { clockText, durationText } from "../model/time.ts";

/** An instant as people read it; the exact one is in the title. */
export function Clock({ at, now }: { at: string | null | undefined; now: number }) {
  if (at == null) return <span className="text-soft">–</span>;
  return (
    <time dateTime={at} title={at} className="whitespace-nowrap tabular-nums">
      {clockText(Date.parse(at), now)}
    </time>
  );
}

export function Duration({ ms }: { ms: number | null }) {
  return <span className="whitespace-nowrap tabular-nums">{ms === null ? "–" : durationText(ms)}</span>;
}
