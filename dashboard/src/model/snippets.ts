/** The same events as people would send them without the dashboard. */
import type { Json } from "../api/json.ts";

export function curlSnippet(events: Json, origin: string): string {
  // within single quotes a shell takes everything but a single quote as it stands
  const body = JSON.stringify(events).replaceAll("'", `'\\''`);
  return [
    `curl -X POST ${origin}/e/YOUR_EVENT_KEY \\`,
    `  -H 'content-type: application/json' \\`,
    `  --data-raw '${body}'`,
  ].join("\n");
}

export function sdkSnippet(events: Json): string {
  return [
    'import { Inngest } from "@dotdo/inngest";',
    "",
    'const inngest = new Inngest({ id: "my-app" });',
    "",
    `await inngest.send(${JSON.stringify(events, null, 2)});`,
  ].join("\n");
}

/** What was typed, as the list of events that it is. @throws Error naming what is missing */
export function eventsOf(typed: Json): Json[] {
  const events = Array.isArray(typed) ? typed : [typed];
  if (events.length === 0) throw new Error("The list is empty: there is no event to send");
  for (const [i, event] of events.entries()) {
    const which = events.length === 1 ? "The event" : `Event ${i + 1}`;
    if (typeof event !== "object" || event === null || Array.isArray(event))
      throw new Error(`${which} must be an object, such as {"name":"shop/order.placed","data":{}}`);
    if (typeof event.name !== "string" || event.name === "") throw new Error(`${which} has no name`);
  }
  return events;
}
