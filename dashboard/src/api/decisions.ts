import type { Json } from "./json.ts";
import { path, request, type Sent } from "./request.ts";

/** What became of an event at a function that it may start. */
export interface Decision {
  function_slug: string;
  function_name: string;
  decision: string;
  /** one sentence */
  why: string;
  /** concluded, not read from where it was decided */
  inferred: boolean;
  run_id?: string;
  run_status?: string;
  /** the event that has the same id */
  event_id?: string;
  key?: string | null;
  until?: string | null;
  triggers?: { event: string; if: string; false: FalsePart[] }[];
}

/** A condition that does not hold, and what it was asked about. */
export interface FalsePart {
  source: string;
  values: Record<string, Json>;
  error?: string;
}

export async function readDecisions(eventId: string, sent?: Sent): Promise<Decision[]> {
  return (await request<{ data: Decision[] }>(path`/v1/events/${eventId}/decisions`, sent)).data;
}

/** Whether it may still become another. */
export function isOpen({ decision }: Decision): boolean {
  return decision === "pending" || decision === "collecting";
}
