import type { Json } from "./json.ts";
import { path, query, request, type Sent } from "./request.ts";

export interface EventRow {
  internal_id: string;
  received_at: string;
  name: string;
  data: Json;
  id?: string;
  ts?: number;
  v?: string;
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
  name?: string;
  from?: string;
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
  const asked = query({ name: filter.name, received_after: filter.from, limit, cursor: cursor ?? undefined });
  const { data } = await request<{ data: EventRow[] }>(`/v1/events${asked}`, sent);
  const last = data.length < limit ? undefined : data.at(-1); // a page that is not full was the last
  return { events: data, cursor: last?.internal_id ?? null };
}

export async function readEvent(id: string, sent?: Sent): Promise<EventRow> {
  return (await request<{ data: EventRow }>(path`/v1/events/${id}`, sent)).data;
}

export async function runsOfEvent(id: string, sent?: Sent): Promise<EventRun[]> {
  return (await request<{ data: EventRun[] }>(path`/v1/events/${id}/runs`, sent)).data;
}

/** One event after the other: what came before one that is refused has been sent. @returns their ids */
export async function sendEvents(events: readonly Json[], onSent: (id: string) => void): Promise<string[]> {
  const ids: string[] = [];
  for (const event of events) {
    const { data } = await request<{ data: { eventId: string } }>("/v2/events", { method: "POST", body: event });
    ids.push(data.eventId);
    onSent(data.eventId);
  }
  return ids;
}
