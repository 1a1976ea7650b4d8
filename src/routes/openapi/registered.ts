/** Apps and functions, as they are registered. */
import * as z from "zod";
import { instant, jsonObject } from "./operation.ts";

/** A function as the platform understands it. */
export const functionSchema = z.object({
  id: z.uuid(),
  slug: z.string().describe("`<app>-<function>`"),
  name: z.string(),
  app_id: z.string(),
  version: z.int(),
  triggers: z.array(z.object({ event: z.string(), if: z.string().nullable() })),
  crons: z.array(z.object({ cron: z.string(), jitter: z.string().nullable(), next_fire_at: instant.nullable() })),
  retry: jsonObject,
  transport: z.looseObject({ kind: z.enum(["local", "http", "endpoint", "connect", "binding"]) }),
  flow_control: jsonObject.nullable(),
  archived: z.boolean().describe("Its app has it no more: nothing starts it, its runs go on"),
  paused: z.object({ triggers: z.enum(["skip", "hold"]), since: instant }).nullable(),
});

const syncError = z.object({ code: z.string(), message: z.string(), at: instant });

const registered = {
  url: z.string().nullable(),
  app_id: z.uuid(),
  sdk: z.string(),
  framework: z.string(),
  app_version: z.string().nullable(),
  version: z.int(),
  synced_at: instant,
  archived_at: instant.nullable(),
  error: syncError.nullable().describe("Why its last sync failed, and what to do"),
};

/** An app that has been synced. */
export const appSchema = z.object({ id: z.string(), ...registered });

/** An app of a list: one that was never synced has nothing but its URL and what went wrong. */
export const appListItem = z.object({
  ...appSchema.partial().shape,
  id: z.string().nullable(),
  url: z.string().nullable(),
  function_count: z.int(),
  error: syncError.nullable(),
});

/** A function as Inngest's development server shows it. */
export const inngestFunction = z.looseObject({
  id: z.uuid(),
  slug: z.string(),
  name: z.string(),
  fv: z.int(),
  steps: z.array(z.looseObject({ id: z.string(), name: z.string() })),
});
