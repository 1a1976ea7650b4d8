import { Hono, type Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { logOf, type Objects } from "../durable-objects/objects.ts";
import { readBytes } from "../protocol/body.ts";
import { isUlid } from "../protocol/ids.ts";
import { TRACE_RUNS_PER_REQUEST_MAX, TRACES_BODY_MAX_BYTES } from "../protocol/limits.ts";
import { ExportTraceServiceRequest, ExportTraceServiceResponse, RpcStatus } from "../protocol/otlp/otlp.ts";
import { readSpans, RUN_ID_ATTRIBUTE, STEP_HASH_ATTRIBUTE, type AppSpan } from "../protocol/span.ts";
import { traceIdOf } from "../protocol/trace-context.ts";
import { envelope } from "./envelope.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { findRun } from "./runs.ts";

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

/** Statuses as google.rpc.Code numbers them. */
const RPC_CODES: Record<number, number> = { 400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 429: 8, 503: 14 };
const RPC_UNKNOWN = 2;

/** Spans that apps record of their runs themselves, by OpenTelemetry (inngest-protocol §9.9). */
export function traceRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  const guard = signingKeyGuard(settings);

  app.post("/v1/traces/userland", async (c) => {
    const type = contentType(c);
    try {
      await guard(c, async () => undefined);
      const spans = readSpans(await readExport(c.req.raw, type));
      const rejected = await keep(objects, env, spans);
      return reply(type, 200, exportAnswer(type, rejected));
    } catch (error) {
      if (!(error instanceof HTTPException)) throw error;
      const status = { code: RPC_CODES[error.status] ?? RPC_UNKNOWN, message: error.message };
      return reply(type, error.status, type === PROTOBUF ? RpcStatus.encode(status).finish() : JSON.stringify(status));
    }
  });

  app.get("/v1/runs/:id/trace", guard, async (c) => {
    const { run } = await findRun(objects, env, c.req.param("id"));
    const { spans, refused } = await objects.run(env, run.id).spans();
    return c.json(envelope({ trace_id: traceIdOf(run.id), spans: spans.map(spanView), refused_spans: refused }));
  });
  return app;
}

/** What the answer is in too. */
function contentType(c: Context): string {
  const type = (c.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  return type === PROTOBUF || type === "application/protobuf" ? PROTOBUF : (type ?? "");
}

/** @throws HTTPException */
async function readExport(request: Request, type: string): Promise<unknown> {
  if (type !== PROTOBUF && type !== JSON_TYPE)
    throw new HTTPException(415, {
      message: `content-type: "${type.slice(0, 60)}" is neither ${PROTOBUF} nor ${JSON_TYPE}`,
    });
  const bytes = await readWhole(request);
  try {
    return type === PROTOBUF ? ExportTraceServiceRequest.decode(bytes) : JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new HTTPException(400, { message: `the body is no ExportTraceServiceRequest in ${type}` });
  }
}

/** @throws HTTPException 413 for a body over the bound, as it comes or unpacked */
async function readWhole(request: Request): Promise<Uint8Array> {
  const encoding = (request.headers.get("content-encoding") ?? "identity").toLowerCase();
  if (encoding !== "identity" && encoding !== "gzip")
    throw new HTTPException(415, { message: `content-encoding: "${encoding.slice(0, 60)}" is not gzip` });
  const packed = await readBytes(request, TRACES_BODY_MAX_BYTES);
  const bytes = packed && encoding === "gzip" ? await unpacked(packed) : packed;
  if (!bytes)
    throw new HTTPException(413, { message: `the request body is over the bound of ${TRACES_BODY_MAX_BYTES} bytes` });
  return bytes;
}

async function unpacked(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
  const body = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return await readBytes({ headers: new Headers(), body }, TRACES_BODY_MAX_BYTES);
  } catch {
    throw new HTTPException(400, { message: "the body is not gzip, as its content-encoding says" });
  }
}

/** Gives each run its spans. How many were not kept: those of no run of this environment, and those without room. */
async function keep(objects: Objects, env: string, spans: readonly (AppSpan | null)[]): Promise<number> {
  const byRun = Map.groupBy(spans, (span) => runIdOf(span));
  const logs = await objects.registry(env).logs();
  let rejected = 0;
  let runs = 0;
  for (const [runId, those] of byRun) {
    const isAsked = runId !== null && logs.includes(logOf(runId)) && (runs += 1) <= TRACE_RUNS_PER_REQUEST_MAX;
    const own = those.flatMap((span) => span ?? []);
    const isKnown = isAsked && (await objects.log(env, logOf(runId)).mayKnow(runId));
    rejected += isKnown ? (await objects.run(env, runId).addSpans(own)).refused : those.length;
  }
  return rejected;
}

function runIdOf(span: AppSpan | null): string | null {
  const id = span?.attributes[RUN_ID_ATTRIBUTE];
  return typeof id === "string" && isUlid(id) ? id : null;
}

function exportAnswer(type: string, rejected: number): string | Uint8Array {
  const message = `${rejected} spans are of no run of this environment, or their run has as many as are kept`;
  const partialSuccess = rejected === 0 ? undefined : { rejectedSpans: String(rejected), errorMessage: message };
  if (type === PROTOBUF) return ExportTraceServiceResponse.encode({ partialSuccess }).finish();
  return JSON.stringify(partialSuccess ? { partialSuccess } : {});
}

function reply(type: string, status: number, body: string | Uint8Array): Response {
  const contentType = typeof body === "string" ? JSON_TYPE : type;
  return new Response(body as BodyInit, { status, headers: { "content-type": contentType } });
}

function spanView({ traceId, spanId, parentSpanId, name, kind, startNs, endNs, attributes, ...rest }: AppSpan) {
  return {
    trace_id: traceId,
    span_id: spanId,
    parent_span_id: parentSpanId,
    step_hash: attributes[STEP_HASH_ATTRIBUTE] ?? null,
    name,
    kind,
    start_time_unix_nano: startNs,
    end_time_unix_nano: endNs,
    attributes,
    events: rest.events.map((event) => ({
      name: event.name,
      time_unix_nano: event.atNs,
      attributes: event.attributes,
    })),
    status: rest.status,
    scope: rest.scope,
  };
}
