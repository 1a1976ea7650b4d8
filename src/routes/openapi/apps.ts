import * as z from "zod";
import { syncRequestSchema } from "../../protocol/app-sync.ts";
import { enveloped, flag, type Group } from "./operation.ts";
import { appListItem, appSchema, inngestFunction } from "./registered.ts";

const appWithCount = appSchema.extend({ function_count: z.int() });

export const apps: Group = {
  name: "Apps",
  says: "Who serves functions, and how their last sync went.",
  operations: [
    {
      at: "GET /v1/apps",
      id: "listApps",
      says: "Apps that are registered, and those whose first sync failed",
      query: z.object({ archived: flag.optional().describe("Also those that are archived") }),
      answer: enveloped(z.array(appListItem)),
    },
    {
      at: "GET /v1/apps/:id",
      id: "getApp",
      says: "An app with its functions",
      answer: enveloped(appWithCount.extend({ functions: z.array(inngestFunction) })),
      errors: { 404: "No such app is registered" },
    },
    {
      at: "GET /v1/apps/:id/functions",
      id: "getAppFunctions",
      says: "An app's functions, without envelope, as Inngest has it",
      answer: z.array(inngestFunction),
    },
    {
      at: "POST /v1/apps/sync",
      id: "syncApp",
      says: "Asks the app at a URL for its functions and registers them",
      body: syncRequestSchema,
      answer: enveloped(
        z.object({
          app_id: z.string().nullable(),
          env: z.string(),
          url: z.string().nullable(),
          kind: z.enum(["in_band", "out_of_band"]),
          modified: z.boolean(),
          functions: z.array(z.string()),
          message: z.string().nullable(),
        }),
      ),
      errors: { 422: "The app could not be synced; the message says what to do" },
    },
    {
      at: "DELETE /v1/apps/:id",
      id: "archiveApp",
      says: "Archives an app: nothing new starts, runs go on, the next sync restores it",
      answer: enveloped(appSchema),
    },
  ],
};
