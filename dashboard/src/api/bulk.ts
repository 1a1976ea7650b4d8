/** Many runs at once: they are cancelled, or started once more, in the background. */
import { path, request, type Sent } from "./request.ts";

export type BulkKind = "cancellation" | "replay";

const PATHS = { cancellation: "/v1/cancellations", replay: "/v1/replays" } as const satisfies Record<BulkKind, string>;

export const ENDED = ["FAILED", "COMPLETED", "CANCELLED", "SKIPPED"] as const;
export type EndedStatus = (typeof ENDED)[number];

/** Which runs; what is absent does not narrow it. */
export interface Selection {
  appId?: string | undefined;
  /** ids within the app, or slugs without one */
  functionIds?: string[] | undefined;
  /** queued from here on */
  from?: string | undefined;
  /** CEL over `event`; empty: all */
  condition: string;
  /** replay: how they have ended */
  statuses: EndedStatus[];
}

/** How far it has come. */
export interface Bulk {
  id: string;
  status: string;
  matched: number;
  /** that could not be reached and are tried again */
  failing: number;
  ended_at: string | null;
  /** of a cancellation */
  cancelled?: number;
  already_ended?: number;
  /** of a replay */
  started?: number;
  not_startable?: number;
}

export interface BulkCount {
  matched: number;
  /** false: there are more */
  is_exact: boolean;
}

/** How many runs it would be; nothing is done. */
export async function countBulk(kind: BulkKind, selection: Selection, sent?: Sent): Promise<BulkCount> {
  const body = { ...(await bodyOf(kind, selection)), dry_run: true };
  return (await request<{ data: BulkCount }>(PATHS[kind], { ...sent, method: "POST", body })).data;
}

/** Those that have begun up to now; what begins later goes on. */
export async function beginBulk(kind: BulkKind, selection: Selection): Promise<Bulk> {
  return (await request<{ data: Bulk }>(PATHS[kind], { method: "POST", body: await bodyOf(kind, selection) })).data;
}

export async function readBulk(kind: BulkKind, id: string, sent?: Sent): Promise<Bulk> {
  return (await request<{ data: Bulk }>(PATHS[kind] + path`/${id}`, sent)).data;
}

export async function stopBulk(kind: BulkKind, id: string): Promise<void> {
  await request(PATHS[kind] + path`/${id}`, { method: "DELETE" });
}

async function bodyOf(kind: BulkKind, { appId, functionIds, from, condition, statuses }: Selection): Promise<object> {
  return {
    ...(appId === undefined ? {} : { app_id: appId }),
    ...(functionIds === undefined ? {} : { function_ids: functionIds }),
    ...(from === undefined ? {} : { started_after: from }),
    ...(condition.trim() === "" ? {} : { if: condition.trim() }),
    ...(kind === "replay" ? { statuses } : { started_before: await platformTime() }),
  };
}

/** The platform's clock may be behind this one, and it refuses what is ahead of its own. */
async function platformTime(): Promise<string> {
  const { metadata } = await request<{ metadata: { fetched_at: string } }>("/v1/cancellations?limit=1");
  return metadata.fetched_at;
}
