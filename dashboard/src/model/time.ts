/** How times and durations read. */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** "340 ms", "4.2 s", "3 min 20 s", "2 d 4 h": two units at most. */
export function durationText(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  const whole = Math.max(Math.round(ms), 0);
  if (whole < 1_000) return `${whole} ms`;
  if (whole < 10_000) return `${(Math.floor(whole / 100) / 10).toFixed(1)} s`;
  const first = UNITS.findIndex(([, unitMs]) => whole >= unitMs);
  const parts: string[] = [];
  let rest = whole;
  for (const [name, unitMs] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}

/** "3 min ago", "in 2 h". */
export function relativeText(at: number, now: number): string {
  const distance = Math.abs(now - at);
  if (distance < 1_000) return "now";
  const [name, unitMs] = UNITS.find(([, ms]) => distance >= ms) ?? ["s", 1_000];
  const text = `${Math.floor(distance / unitMs)} ${name}`;
  return at > now ? `in ${text}` : `${text} ago`;
}

/** As a clock on the wall shows it: today's without the day. */
export function clockText(at: number, now: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  const isToday = date.toDateString() === new Date(now).toDateString();
  return isToday ? time : `${date.toLocaleDateString(undefined, { month: "short", day: "numeric" })} ${time}`;
}

/** The stretches of time that lists offer, and how long each is. */
export const RANGES = {
  "15m": ["Last 15 minutes", 15 * 60_000],
  "1h": ["Last hour", 3_600_000],
  "24h": ["Last 24 hours", 86_400_000],
  "7d": ["Last 7 days", 7 * 86_400_000],
} as const satisfies Record<string, readonly [string, number]>;

export type Range = keyof typeof RANGES;

export function isRange(text: unknown): text is Range {
  return typeof text === "string" && Object.hasOwn(RANGES, text);
}

/** Rounded to a minute, so that a list that is polled asks the same question for a while. */
export function rangeStart(range: Range, now: number): string {
  return new Date(Math.floor((now - RANGES[range][1]) / 60_000) * 60_000).toISOString();
}
