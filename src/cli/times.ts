/** How times read in a terminal. */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** "340 ms", "4.2 s", "3 min 20 s", "2 d 4 h": two units at most. */
export function durationText(ms: number): string {
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

/** "3 min ago", "in 2 h"; nothing for no time. */
export function agoText(at: string | null | undefined, now: number): string {
  if (!at) return "";
  const ms = Date.parse(at) - now;
  if (Math.abs(ms) < 1_000) return "now";
  const [name, unitMs] = UNITS.find(([, size]) => Math.abs(ms) >= size) ?? ["s", 1_000];
  const text = `${Math.floor(Math.abs(ms) / unitMs)} ${name}`;
  return ms > 0 ? `in ${text}` : `${text} ago`;
}

/** Between two instants; nothing while one is missing. */
export function tookText(from: string | null | undefined, to: string | null | undefined): string {
  return from && to ? durationText(Date.parse(to) - Date.parse(from)) : "";
}

/** "12:00:01", of this machine's time zone. */
export function clockText(at: string | number): string {
  return new Date(at).toLocaleTimeString("en-GB", { hourCycle: "h23" });
}
