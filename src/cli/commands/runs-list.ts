/** `inngest runs list`: pages of `GET /v1/runs`, as many as it takes. */
import { coloured, cut, note, print, printJson, printTable } from "../output.ts";
import type { Platform, Query } from "../platform.ts";
import { agoText, tookText } from "../times.ts";

export interface RunFilter {
  status?: string[];
  app?: string[];
  function?: string[];
  since?: string;
  until?: string;
  if?: string;
}

export interface ListOptions extends RunFilter {
  limit?: number;
  cursor?: string;
  json?: boolean;
}

export interface RunRow {
  run_id: string;
  function_slug: string;
  app_id: string;
  event_id: string;
  event_name: string;
  cron?: string;
  batch_size?: number;
  status: string;
  queued_at: string;
  started_at: string | null;
  ended_at: string | null;
  waiting_for?: { kind: string; until: string | null } | null;
}

export interface RunPage {
  data: RunRow[];
  page: { cursor: string | null; has_more: boolean; looked_until?: string | null };
}

const PAGE_MAX = 100;
/** Pages of a search that finds nothing: each looks at a bounded number of runs. */
const EMPTY_PAGES_MAX = 50;

export async function listRuns(platform: Platform, options: ListOptions): Promise<void> {
  const { limit = 20, json } = options;
  const rows: RunRow[] = [];
  let cursor = options.cursor ?? null;
  let lookedUntil: string | null = null;
  for (let pages = 0; pages < EMPTY_PAGES_MAX + limit / PAGE_MAX; pages++) {
    const wanted = Math.min(PAGE_MAX, limit - rows.length);
    const { data, page } = await runPage(platform, options, { limit: wanted, cursor: cursor ?? undefined });
    rows.push(...data);
    cursor = page.cursor;
    lookedUntil = page.looked_until ?? null;
    if (cursor === null || rows.length >= limit) break;
  }
  if (json) return printJson({ data: rows, page: { cursor, has_more: cursor !== null, looked_until: lookedUntil } });
  if (rows.length === 0) print(cursor === null ? "no runs" : `no runs since ${lookedUntil}`);
  else printRows(rows, Date.now());
  if (cursor !== null) note(`more: --cursor ${cursor}`);
}

export function runPage(platform: Platform, filter: RunFilter, more: Query): Promise<RunPage> {
  const { status, app, function: functions, since, until, if: condition } = filter;
  return platform.get<RunPage>("/v1/runs", {
    status,
    app_id: app,
    function_id: functions,
    from: since,
    until,
    if: condition,
    ...more,
  });
}

function printRows(rows: readonly RunRow[], now: number): void {
  printTable(
    ["RUN", "STATUS", "FUNCTION", "TRIGGER", "QUEUED", "TOOK", "WAITS"],
    rows.map((row) => [
      row.run_id,
      coloured(row.status),
      cut(row.function_slug, 40),
      triggerOf(row),
      agoText(row.queued_at, now),
      tookText(row.started_at ?? row.queued_at, row.ended_at),
      row.waiting_for ? waitText(row.waiting_for, now) : "",
    ]),
  );
}

export function triggerOf({ cron, event_name: name, batch_size: size }: RunRow): string {
  if (cron !== undefined) return `cron ${cut(cron, 36)}`;
  return `${cut(name, 40)}${size === undefined ? "" : ` ×${size}`}`;
}

function waitText({ kind, until }: NonNullable<RunRow["waiting_for"]>, now: number): string {
  return until === null ? kind : `${kind}, ${agoText(until, now)}`;
}

/** A status as the newer routes take it. */
export function wireStatus(status: string): string {
  return status === "Scheduled" ? "QUEUED" : status.toUpperCase();
}
