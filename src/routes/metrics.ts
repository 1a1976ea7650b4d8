import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod";
import { inTurns } from "../durable-objects/in-turns.ts";
import { logDay, type Objects } from "../durable-objects/objects.ts";
import { joined, percentile, type MetricsBucket, type MetricsQuery } from "../durable-objects/run-metrics.ts";
import type { RunStatus } from "../engine/run.ts";
import { ID_SEED_MAX_SKEW_MS } from "../protocol/limits.ts";
import { durationMs, TimeError } from "../protocol/time-string.ts";
import { envelope } from "./envelope.ts";
import { checkFields } from "./fields.ts";
import { findFunction } from "./functions.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { wireStatus } from "./run-rows.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const WINDOW_MAX_MS = 31 * DAY_MS;
const BUCKET_MIN_MS = 1_000;
const BUCKETS_MAX = 500;
/** Buckets when nobody says how long one is. */
const BUCKETS = 60;
/** A run that sleeps ends long after its event: events of so long before the window are looked at. */
const LOOK_BACK_MS = DAY_MS;
/** Rows of the index that one answer looks at, in all logs together, and of one log at least. */
const ROWS_MAX = 200_000;
const ROWS_OF_LOG_MIN = 1_000;

const instantSchema = z.iso.datetime({
  offset: true,
  error: "must be an RFC 3339 instant such as 2026-01-31T12:00:00Z",
});

export const metricsSchema = z.object({
  from: instantSchema.optional(),
  until: instantSchema.optional(),
  /** how long a bucket is: a duration such as `5m` */
  bucket: z.string().optional(),
});

/** How a function does, over time (ours). */
export function metricsRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/functions/:id/metrics", signingKeyGuard(settings));

  app.get("/v1/functions/:id/metrics", async (c) => {
    const { id } = await findFunction(objects, env, c.req.param("id"));
    const window = windowOf(checkFields(c.req.query(), metricsSchema), Date.now());
    return c.json(envelope(await metricsOf(objects, env, id, window)));
  });
  return app;
}

type Window = Pick<MetricsQuery, "from" | "until" | "bucketMs">;

async function metricsOf(objects: Objects, env: string, functionId: string, window: Window) {
  const { from, until, bucketMs } = window;
  const eventsFrom = from - LOOK_BACK_MS;
  const known = await objects.registry(env).logs();
  const logs = known.filter((log) => logDay(log) + DAY_MS > eventsFrom && logDay(log) < until + ID_SEED_MAX_SKEW_MS);
  const rowsMax = Math.max(Math.floor(ROWS_MAX / Math.max(logs.length, 1)), ROWS_OF_LOG_MIN);
  const query: MetricsQuery = { functionId, ...window, eventsFrom, rowsMax };
  const parts = await inTurns(logs, (log) => objects.log(env, log).metrics(query));
  const { buckets, queued, running, looked, cutAt } = joined(parts);
  return {
    function_slug: functionId,
    from: iso(from),
    until: iso(until),
    bucket_ms: bucketMs,
    buckets: (logs.length === 0 ? emptyBuckets(window) : buckets).map((bucket, index) =>
      bucketView(bucket, from + index * bucketMs),
    ),
    backlog: { queued, running },
    rows_looked_at: looked,
    // of runs whose events came before, nothing is in these numbers
    events_from: iso(Math.max(cutAt ?? eventsFrom, eventsFrom)),
    is_cut: cutAt !== null,
  };
}

function emptyBuckets({ from, until, bucketMs }: Window): MetricsBucket[] {
  const count = Math.ceil((until - from) / bucketMs);
  return Array.from({ length: count }, () => ({ started: 0, ended: {}, durationsMs: [], backlog: 0 }));
}

function bucketView({ started, ended, durationsMs, backlog }: MetricsBucket, at: number) {
  const counts = Object.entries(ended) as [RunStatus, number][];
  return {
    at: iso(at),
    started,
    ended: Object.fromEntries(counts.map(([status, count]) => [wireStatus(status), count])),
    p50_ms: percentile(durationsMs, 0.5),
    p95_ms: percentile(durationsMs, 0.95),
    backlog,
  };
}

/** Buckets begin at whole multiples of their length, so that a question that is repeated has the same ones. */
function windowOf(query: z.infer<typeof metricsSchema>, now: number): Window {
  const last = query.until === undefined ? now : Date.parse(query.until);
  const first = query.from === undefined ? last - HOUR_MS : Date.parse(query.from);
  if (first >= last) throw refused(`from: ${iso(first)} is not before until, ${iso(last)}`);
  if (last - first > WINDOW_MAX_MS)
    throw refused(`from: ${iso(first)} is more than ${WINDOW_MAX_MS / DAY_MS} days before until, ${iso(last)}`);
  const bucketMs = query.bucket === undefined ? defaultBucket(last - first) : readBucket(query.bucket);
  const from = Math.floor(first / bucketMs) * bucketMs;
  const until = Math.ceil(last / bucketMs) * bucketMs;
  if ((until - from) / bucketMs > BUCKETS_MAX)
    throw refused(
      `bucket: ${query.bucket} makes ${(until - from) / bucketMs} buckets of this window; there may be ${BUCKETS_MAX}`,
    );
  return { from, until, bucketMs };
}

function defaultBucket(windowMs: number): number {
  const wholeSeconds = Math.ceil(windowMs / BUCKETS / 1_000) * 1_000;
  return Math.max(wholeSeconds, BUCKET_MIN_MS);
}

function readBucket(text: string): number {
  try {
    const bucketMs = durationMs(text, "bucket");
    if (bucketMs < BUCKET_MIN_MS) throw new TimeError(`bucket: "${text.slice(0, 60)}" is under the bound of 1s`);
    return bucketMs;
  } catch (error) {
    if (error instanceof TimeError) throw refused(error.message);
    throw error;
  }
}

function refused(message: string): HTTPException {
  return new HTTPException(400, { message });
}
