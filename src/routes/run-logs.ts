import { Hono } from "hono";
import * as z from "zod";
import type { Objects } from "../durable-objects/objects.ts";
import type { StoredLogs } from "../engine/run-logs.ts";
import { STEP_ID_MAX_BYTES } from "../protocol/limits.ts";
import { envelope } from "./envelope.ts";
import { checkFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { findRun } from "./runs.ts";

/** The query of `GET /v1/runs/:id/logs`. */
export const runLogsQuerySchema = z
  .object({
    step: z.string().min(1).max(STEP_ID_MAX_BYTES).optional(), // as the code names it, or its hash
    around: z
      .enum(["true", "false"], "must be true or false")
      .transform((text) => text === "true")
      .default(false), // only those of the code around steps
    attempt: z.coerce.number("must be a number from 0 on").int().min(0).optional(),
    limit: z.coerce.number("must be from 1 to 100").int().min(1).max(100).default(100), // attempts, each with all its lines
    cursor: z
      .string()
      .regex(/^\d{1,9}$/, "is not one of this list")
      .optional(),
  })
  .refine(({ step, around }) => step === undefined || !around, { path: ["around"], error: "cannot go with step" });

/** What the code of a run has logged (docs/logs.md). */
export function runLogRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.get("/v1/runs/:id/logs", signingKeyGuard(settings), async (c) => {
    const { step, around, attempt, limit, cursor = "0" } = checkFields(c.req.query(), runLogsQuerySchema);
    const { run } = await findRun(objects, env, c.req.param("id"));
    const all = run.logs ? await objects.run(env, run.id).logs() : [];
    const wanted = all.filter(
      (one) =>
        one.seq > Number(cursor) &&
        (step === undefined || one.step === step || one.id === step) &&
        (!around || one.step === null) &&
        (attempt === undefined || one.attempt === attempt),
    );
    const listed = wanted.slice(0, limit);
    const hasMore = wanted.length > listed.length;
    return c.json({
      ...envelope(listed.map(logsView)),
      page: { cursor: hasMore ? String(listed.at(-1)?.seq) : null, has_more: hasMore, limit },
    });
  });
  return app;
}

/** Lines of one attempt of a step, or of the code around steps. */
export function logsView({ step, id, attempt, lines, dropped }: StoredLogs) {
  return {
    step: id,
    hash: step,
    attempt,
    lines: lines.map(({ at, level, text, isCut = false }) => ({ at: iso(at), level, text, is_cut: isCut })),
    dropped,
  };
}
