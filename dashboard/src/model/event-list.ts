import type { EventRow } from "../api/events.ts";

/** The platform's own events: ends of functions, ticks of schedules, invocations. */
export function isInternal({ name }: Pick<EventRow, "name">): boolean {
  return name.startsWith("inngest/");
}

/** Events never change, so the newest that were ever seen are put before the pages. */
export function mergeEvents(head: readonly EventRow[], pages: readonly EventRow[]): EventRow[] {
  const byId = new Map([...pages, ...head].map((event) => [event.internal_id, event]));
  return [...byId.values()].toSorted((a, b) => (a.internal_id < b.internal_id ? 1 : -1));
}
