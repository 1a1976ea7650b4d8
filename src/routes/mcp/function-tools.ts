import * as z from "zod";
import { appListView } from "../app-sync.ts";
import { findFunction, functionConfigView, functionListView } from "../functions.ts";
import { linesOf } from "../lines.ts";
import { tool } from "./tool.ts";

const FUNCTIONS_MAX = 100;

export const functionTools = [
  tool({
    name: "list_apps",
    says: "Lists the apps that serve functions: where each is, its SDK, when it was synced, and why its last sync failed.",
    input: z.object({}),
    run: async (_, { objects, env }) => ({ apps: await appListView(objects, env, false) }),
  }),

  tool({
    name: "list_functions",
    says: "Lists functions with their triggers, schedules and whether they are paused. get_function has the rest of one.",
    input: z.object({
      app_id: z.string().optional().describe("Only those of this app"),
      search: z.string().optional().describe("Only those whose slug or name has this text in it"),
      offset: z.int().min(0).default(0).describe(`How many to pass over; an answer has ${FUNCTIONS_MAX} at most`),
    }),
    run: async ({ app_id: appId, search = "", offset }, { objects, env }) => {
      const wanted = search.toLowerCase();
      const found = (await functionListView(objects, env)).filter(
        (fn) =>
          (appId === undefined || fn.app_id === appId) &&
          (fn.slug.toLowerCase().includes(wanted) || fn.name.toLowerCase().includes(wanted)),
      );
      return {
        total: found.length,
        functions: found
          .slice(offset, offset + FUNCTIONS_MAX)
          .map(({ slug, name, app_id, triggers, crons, paused }) => ({ slug, name, app_id, triggers, crons, paused })),
      };
    },
  }),

  tool({
    name: "get_function",
    says: "Shows a function as the platform understands it: triggers, retries, flow control, where its code is; and the lines that its runs wait in.",
    input: z.object({ function: z.string().describe("Its slug, <app>-<function>, or its uuid") }),
    run: async ({ function: id }, { objects, env }) => {
      const fn = await findFunction(objects, env, id);
      const [view, lines] = await Promise.all([functionConfigView(objects, env, fn.id), linesOf(objects, env, [fn])]);
      return { ...view, lines };
    },
  }),
];
