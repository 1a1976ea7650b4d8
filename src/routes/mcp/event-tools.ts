import * as z from "zod";
import { eventRunView, runsOfEvent } from "../event-runs.ts";
import { eventsPage, eventsQuerySchema, eventView, findEvent } from "../events.ts";
import { checkFields } from "../fields.ts";
import { tool } from "./tool.ts";

export const eventTools = [
  tool({
    name: "list_events",
    says: "Lists the newest events, by name and time, with the runs that are known under each.",
    input: z.object({
      name: z.string().optional().describe("Only events of this name"),
      internal: z.boolean().default(false).describe("Also the platform's own: ends of functions, ticks of schedules"),
      received_after: z.string().optional().describe("RFC 3339 instant"),
      received_before: z.string().optional().describe("RFC 3339 instant"),
      limit: z.int().min(1).max(100).default(20),
      cursor: z.string().optional().describe("The `cursor` of the page before"),
    }),
    run: async ({ name, internal, limit, ...rest }, { objects, env }) => {
      const query = { ...rest, name: name === undefined ? [] : [name], internal: `${internal}`, limit, runs: "true" };
      const { data, page } = await eventsPage(objects, env, checkFields(query, eventsQuerySchema));
      const events = data.map(({ account_id: _a, environment_id: _e, source: _s, source_id: _i, ...event }) => event);
      return { events, cursor: page.cursor };
    },
  }),

  tool({
    name: "get_event",
    says: "Shows an event with its data, and the runs that it has started. An event that was sent just now may have none yet.",
    input: z.object({ event_id: z.string().describe("Its internal id, a ULID, as send_event and list_events say it") }),
    run: async ({ event_id: id }, { objects, env }) => {
      const found = await findEvent(objects, env, id);
      const runs = await runsOfEvent(objects, env, found);
      return { ...eventView(found, env), runs: runs.map(eventRunView) };
    },
  }),
];
