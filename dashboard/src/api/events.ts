import type { Json } from "./json.ts";
import { path, query, request, type Sent } from "./request.ts";

/** An event as lists have it: without what is in it. */
export interface EventHead {
  internal_id: string;
  received_at: string;
  name: string;
  id?: string;
  ts?: number;
  v?: string;
}

/** With the runs that the index has under it. */
export interface EventRow extends EventHead {
  runs: Omit<EventRun, "run_started_at">[];
  /** there may be others */
  runs_incomplete?: boolean;
}

export interface EventDetail extends EventHead {
  data: Json;
  user?: Json;
}

/** A run that an event has started. */
export interface EventRun {
  run_id: string;
  function_slug: string;
  status: string;
  run_started_at: string;
  ended_at: string | null;
}

export interface EventFilter {
  names: string[];
  from?: string;
  /** with the platform's own: ends of functions, ticks of schedules, invocations */
  internal: boolean;
}

export interface EventPage {
  events: EventRow[];
  cursor: string | null;
}

export async function listEvents(
  filter: EventFilter,
  cursor: string | null,
  limit: number,
  sent?: Sent,
): Promise<EventPage> {
  const asked = query({
    name: filter.names,
    received_after: filter.from,
    internal: filter.internal ? undefined : "false",
    data: "false",
    runs: "true",
    limit,
    cursor: cursor ?? undefined,
  });
  const { data, page } = await request<{ data: EventRow[]; page: { cursor: string | null } }>(
    `/v1/events${asked}`,
    sent,
  );
  return { events: data, cursor: page.cursor };
}

export async function readEvent(id: string, sent?: Sent): Promise<EventDetail> {
  return (await request<{ data: EventDetail }>(path`/v1/events/${id}`, sent)).data;
}

export async function runsOfEvent(id: string, sent?: Sent): Promise<EventRun[]> {
  return (await request<{ data: EventRun[] }>(path`/v1/events/${id}/runs`, sent)).data;
}

/** All of them, or none. @returns their ids */
export async function sendEvents(events: readonly Json[]): Promise<string[]> {
  return (await request<{ data: { ids: string[] } }>("/v1/events", { method: "POST", body: events })).data.ids;
}
