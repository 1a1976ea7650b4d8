import { readText } from "../protocol/body.ts";
import { CALL_BODY_LARGEST_BYTES } from "../protocol/limits.ts";
import type { RequestPlatform } from "../sdk/platform.ts";
import { serializeError } from "../sdk/errors.ts";
import { servedApp, serveUrl, type ServedApp, type ServeOptions } from "./app.ts";
import { authenticate } from "./authenticate.ts";
import { envVarsOf } from "./env-vars.ts";
import { execute } from "./execution.ts";
import { introspect } from "./introspection.ts";
import { failure, toResponse, type Answer, type PendingAnswer } from "./respond.ts";
import { streamedResponse } from "./streaming.ts";
import { sync } from "./sync.ts";

export type { ServeOptions } from "./app.ts";

/**
 * Answers the platform's requests to an app.
 *
 * @param platform what the runtime hands over beside the request, on runtimes that do
 */
export type ServeHandler = (request: Request, platform?: RequestPlatform) => Promise<Response>;

/**
 * The one handler behind every adapter: GET introspects, PUT syncs, POST executes. It never rejects.
 *
 * @param options.framework name of the adapter, reported to the platform
 * @param options.canStream false when the framework wants each answer whole
 * @throws TypeError when a function is not one, two share an id, or it shall stream and cannot
 * @example
 * const handler = createHandler({ client: inngest, functions: [greet], framework: "my-server" });
 * const response = await handler(request);
 */
export function createHandler(options: ServeOptions & { framework: string; canStream?: boolean }): ServeHandler {
  const app = servedApp(options);
  return async (request, platform = {}) => {
    app.client.setEnvVars(envVarsOf(platform.env));
    const answer = await dispatch(app, request, platform).catch(unexpected);
    if ("pending" in answer) return streamedResponse(answer.pending.catch(unexpected), request, app.framework);
    return toResponse(answer, request, app.framework);
  };
}

async function dispatch(app: ServedApp, request: Request, platform: RequestPlatform): Promise<Answer | PendingAnswer> {
  if (!["GET", "PUT", "POST"].includes(request.method))
    return {
      status: 405,
      headers: { allow: "GET, PUT, POST" },
      body: { code: "method_not_allowed", message: "Method not allowed" },
    };
  const body = request.method === "GET" ? "" : await readText(request, CALL_BODY_LARGEST_BYTES);
  if (body === undefined)
    return failure(413, "body_too_large", `The body is larger than ${CALL_BODY_LARGEST_BYTES} bytes`);
  switch (request.method) {
    case "GET":
      return inspect(app, request);
    case "PUT":
      return sync(app, request, body);
    default:
      return execute(app, request, body, platform);
  }
}

async function inspect(app: ServedApp, request: Request): Promise<Answer> {
  const caller = await authenticate(app.client, request, "");
  if (caller.kind === "refused") return caller.answer;
  const isSigned = caller.kind === "signed";
  return {
    status: 200,
    body: await introspect(app, serveUrl(app, request.url), isSigned),
    signWith: isSigned ? caller.key : undefined,
  };
}

/** A fault of ours or of the app's configuration; worth repeating, since either may be mended. */
function unexpected(error: unknown): Answer {
  const { name, message, code } = serializeError(error);
  return failure(500, code ?? "internal_error", `${name}: ${message}`);
}
