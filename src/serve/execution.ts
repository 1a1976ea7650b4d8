import { callBodySchema, type CallBody } from "../protocol/call.ts";
import { headers } from "../protocol/headers.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Registration } from "../sdk/function.ts";
import { Chain } from "../sdk/middleware/chain.ts";
import type { RequestPlatform } from "../sdk/platform.ts";
import { executeCall, type CallReply } from "../sdk/reply.ts";
import type { ServedApp } from "./app.ts";
import { authenticate } from "./authenticate.ts";
import { checkpointOf } from "./checkpoints.ts";
import { insideRequestHooks } from "./request-hooks.ts";
import { failure, type Answer, type PendingAnswer } from "./respond.ts";
import { withRunState } from "./run-state.ts";
import { isStreaming } from "./streaming.ts";

/** POST: executes a function for the platform, as far as it gets in one call (inngest-protocol §3). */
export async function execute(
  app: ServedApp,
  request: Request,
  body: string,
  platform: RequestPlatform,
): Promise<Answer | PendingAnswer> {
  const caller = await authenticate(app.client, request, body);
  if (caller.kind === "refused") return caller.answer;
  const isStreamed = isStreaming(app) && !new URL(request.url).searchParams.has("probe");
  const signWith = caller.kind === "signed" ? caller.key : undefined;
  const answered = executeTrusted(app, request, body, platform, checkpointOf).then((answer) => ({
    ...answer,
    signWith,
  }));
  return isStreamed ? { pending: answered } : answered;
}

/**
 * As {@link execute}, for a caller that is known to be the platform.
 *
 * @param checkpoints how the call tells of its steps as they end; absent: it is answered with the first
 */
export async function executeTrusted(
  app: ServedApp,
  request: Request,
  body: string,
  platform: RequestPlatform,
  checkpoints?: typeof checkpointOf,
): Promise<Answer> {
  const query = new URL(request.url).searchParams;
  const probe = query.get("probe");
  if (probe !== null) return answerProbe(probe);

  const registration = findFunction(app, query.get("fnId"));
  if ("status" in registration) return registration;
  const call = readCall(body);
  if ("status" in call) return call;
  const { client } = app;
  const { fn } = registration;
  const chain = Chain.open(client, fn.middleware);
  const answer = async () =>
    toAnswer(
      await executeCall({
        registration,
        client,
        body: await withRunState(client, call, app.host),
        stepId: query.get("stepId") || "step",
        race: request.headers.has(headers.dotdo),
        platform,
        chain,
        host: app.host,
        checkpoint: checkpoints?.(client, fn, call, request),
      }),
    );
  return chain ? insideRequestHooks({ chain, fn, runId: call.ctx.run_id, request, body, platform }, answer) : answer();
}

/** A server's question whether app and server trust each other: the signature has just answered it. */
function answerProbe(probe: string): Answer {
  if (probe === "trust") return { status: 200, body: {} };
  return failure(
    400,
    "unknown_probe",
    `probe: ${JSON.stringify(probe)} is not a probe that this app knows; there is "trust"`,
  );
}

function findFunction(app: ServedApp, id: string | null): Registration | Answer {
  const registration = id === null ? undefined : app.registrations.get(id);
  if (registration !== undefined) return registration;
  return failure(
    500, // not 404: a deployment in progress may bring the function back, so the call is worth repeating
    "function_not_found",
    id === null
      ? "fnId: the call names no function"
      : `fnId: function ${JSON.stringify(id)} is not served by app "${app.client.id}"; is it in the functions given to serve()?`,
  );
}

function readCall(body: string): CallBody | Answer {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return failure(400, "invalid_body", "The body of the call is not JSON");
  }
  const parsed = callBodySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`);
  return failure(400, "invalid_body", `The body of the call is not as expected: ${why.join("; ")}`);
}

/** A reply in the form of inngest-protocol §3.3. */
function toAnswer(reply: CallReply): Answer {
  switch (reply.status) {
    case 200:
      return { status: 200, body: reply.data ?? null };
    case 206:
      return { status: 206, body: toJson(reply.ops), headers: retryHeaders(reply) };
    default:
      return { status: reply.status, body: toJson(reply.error), headers: retryHeaders(reply) };
  }
}

function retryHeaders(reply: { noRetry?: boolean; retryAfter?: string }): Answer["headers"] {
  return { [headers.noRetry]: String(reply.noRetry ?? false), [headers.retryAfter]: reply.retryAfter };
}

/** Plain JSON of what `executeCall` reports: absent fields dropped. */
function toJson(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value));
}
