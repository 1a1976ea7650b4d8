/** How long ended runs are kept, by how they have ended. */
import type { RunStatus } from "../engine/run.ts";
import { RETENTION_DEFAULT_MS, RETENTION_MIN_MS } from "../protocol/limits.ts";
import { durationMs } from "../protocol/time-string.ts";

const DAY_MS = 86_400_000;

/** Ways for a run to end, as they are configured. */
const STATUSES = {
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
  skipped: "Skipped",
} as const satisfies Record<string, RunStatus>;
type Name = keyof typeof STATUSES;

export interface Retention {
  /** of runs whose status has none of its own, and of events */
  defaultMs: number;
  byStatus: Readonly<Partial<Record<RunStatus, number>>>;
}

export const RETENTION_DEFAULT: Retention = { defaultMs: RETENTION_DEFAULT_MS, byStatus: {} };

/** Milliseconds or a duration such as `30d`, of each way to end; `default` is for the others, and for events. */
export type RetentionByStatus = Partial<Record<Name | "default", number | string>>;

export function keptMs({ defaultMs, byStatus }: Retention, status: RunStatus): number {
  return byStatus[status] ?? defaultMs;
}

/** How long anything is kept at least. */
export function shortestMs({ defaultMs, byStatus }: Retention): number {
  return Math.min(defaultMs, ...Object.values(byStatus));
}

/**
 * @param option of `createWorker`; absent, the variable counts
 * @param text `INNGEST_RETENTION`: a duration, `STATUS=duration`, or several separated by commas
 * @throws TypeError naming option or variable, value and bound
 */
export function readRetention(
  option: number | string | RetentionByStatus | undefined,
  text: string | undefined,
): Retention {
  if (option === undefined) return text?.trim() ? ofParts(textParts(text), "INNGEST_RETENTION") : RETENTION_DEFAULT;
  const parts: [string, number | string | undefined][] =
    typeof option === "object" ? Object.entries(option) : [["default", option]];
  return ofParts(parts, "createWorker: retention");
}

function textParts(text: string): [string, string][] {
  return text.split(",").map((part): [string, string] => {
    const at = part.indexOf("=");
    return at < 0 ? ["default", part.trim()] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
  });
}

function ofParts(parts: readonly [string, number | string | undefined][], where: string): Retention {
  let defaultMs = RETENTION_DEFAULT_MS;
  const byStatus: Partial<Record<RunStatus, number>> = {};
  for (const [name, value] of parts) {
    if (value === undefined) continue;
    const known = name.toLowerCase();
    if (known !== "default" && !isName(known))
      throw new TypeError(
        `${where}: ${JSON.stringify(name)} is no way for a run to end; there are ${Object.keys(STATUSES).join(", ")}, and default`,
      );
    const ms = durationMs(value, known === "default" ? where : `${where}: ${name}`);
    if (ms < RETENTION_MIN_MS)
      throw new TypeError(
        `${where}: ${known === "default" ? "" : `${name}: `}${JSON.stringify(value)} is under the bound of ${RETENTION_MIN_MS / DAY_MS} days, within which events may be delivered again`,
      );
    if (known === "default") defaultMs = ms;
    else byStatus[STATUSES[known]] = ms;
  }
  return { defaultMs, byStatus };
}

function isName(text: string): text is Name {
  return Object.hasOwn(STATUSES, text);
}
