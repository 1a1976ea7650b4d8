import type { EventRow } from "../api/events.ts";

/** A list of names as people type it. */
export function namesIn(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,]+/).filter((name) => name !== "");
}

/** Events never change, so the newest that were ever seen are put before the pages. */
export function mergeEvents(head: readonly EventRow[], pages: readonly EventRow[]): EventRow[] {
  const byId = new Map([...pages, ...head].map((event) => [event.internal_id, event]));
  return [...byId.values()].toSorted((a, b) => (a.internal_id < b.internal_id ? 1 : -1));
}
