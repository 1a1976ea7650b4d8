import { Hono, type MiddlewareHandler } from "hono";
import * as z from "zod";
import type { Objects } from "../durable-objects/objects.ts";
import type { AuditEntry, Audited } from "../protocol/audit.ts";
import { envelope } from "./envelope.ts";
import { checkFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { isLooking } from "./may.ts";
import { whoAsked, type Who } from "./who.ts";

const LIST_MAX = 100;
const PATH_MAX_CHARS = 300;
const DETAIL_MAX_CHARS = 300;

export const auditListSchema = z.object({
  limit: z.coerce.number().int().min(1).max(LIST_MAX).default(50),
  cursor: z.coerce.number("must be the id of an entry").int().min(1).optional(),
});

/** What apps and their SDKs do by themselves, many times a second perhaps: it is in the history of runs and events. */
const OF_APPS =
  /^\/(e\/|fn\/register$|v0\/(connect|telemetry)|v1\/(checkpoint|http|traces|realtime)|v1\/runs\/[^/]+\/metadata$|(api\/)?v2\/runs\/[^/]+\/scores$)/;

/** What starts work. Programs do so with their key all the time, so it is noted of people alone. */
const OF_PROGRAMS = /^\/(invoke\/|v1\/(events|signals|schedules)(\/|$)|(api\/)?v2\/(events$|apps\/.*\/invoke$))/;

/** What a route has to say of a request, which its path does not; null: nothing is done. */
const details = new WeakMap<Request, string | null>();

/**
 * Names what a request acts on; one that only looks by its path acts, too, once this is said of it.
 *
 * @param detail null for what would act by its path, and only counts
 */
export function noteAction(request: Request, detail: string | null): void {
  details.set(request, detail);
}

/** Notes who has done what, once it is done; in dev mode there is nobody to name. */
export function auditTrail(objects: Objects, env: string): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const who = await whoAsked(c.req.raw);
    const { method, path } = c.req;
    const detail = details.get(c.req.raw);
    if (who && detail !== null && isNoted(who, method, path, detail !== undefined))
      await note(objects, env, who, { method, path, detail: detail ?? null, status: c.res.status });
  };
}

/** A reader's attempts are refused, and not noted: they could push out what others have done. */
function isNoted({ by, role }: Who, method: string, path: string, hasDetail: boolean): boolean {
  if (by === "dev" || role === "reader" || OF_APPS.test(path)) return false;
  if (by === "key" && OF_PROGRAMS.test(path)) return false;
  return hasDetail || !isLooking(method, path);
}

/** What has been done stays done, and is answered, also when it cannot be noted. */
async function note(
  objects: Objects,
  env: string,
  { by, name }: Who,
  { path, detail, ...rest }: Omit<AuditEntry, "by" | "who">,
): Promise<void> {
  if (by === "dev") return;
  const cut = { path: path.slice(0, PATH_MAX_CHARS), detail: detail?.slice(0, DETAIL_MAX_CHARS) ?? null };
  try {
    await objects.registry(env).audit({ by, who: name, ...rest, ...cut });
  } catch (error) {
    console.error(`${rest.method} ${cut.path} by ${name} could not be noted`, error);
  }
}

/** Who has done what, newest first (ours). */
export function auditRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/audit", signingKeyGuard(settings));

  app.get("/v1/audit", async (c) => {
    const { cursor = null, limit } = checkFields(c.req.query(), auditListSchema);
    const entries = await objects.registry(env).audited(cursor, limit);
    const last = entries.length < limit ? undefined : entries.at(-1);
    return c.json({
      ...envelope(entries.map(auditView)),
      page: { cursor: last ? String(last.seq) : null, limit },
    });
  });
  return app;
}

function auditView({ seq, at, ...entry }: Audited) {
  return { id: String(seq), at: iso(at), ...entry };
}
