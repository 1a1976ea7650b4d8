import type { CallRequest } from "../durable-objects/transport.ts";
import type { Reply } from "../engine/run-machine.ts";
import { endpointUrl, httpRequestSchema } from "../protocol/endpoint.ts";
import { headers } from "../protocol/headers.ts";
import { sign } from "../protocol/signature.ts";
import { callHeaders } from "./call-headers.ts";
import type { HttpOptions } from "./http.ts";
import { readReply } from "./http-reply.ts";

/**
 * Enters the code of a durable endpoint anew: the request that its run began with, with headers that say so. The state it
 * fetches for itself (inngest-protocol §6.3).
 */
export async function enterEndpoint(request: CallRequest, options: HttpOptions): Promise<Reply> {
  const { call, run, events, disableImmediateExecution, runNow } = request;
  const parsed = httpRequestSchema.safeParse(events[0]?.event.data);
  if (!parsed.success) {
    const message = `the run's event names no request to repeat: ${parsed.error.issues[0]?.message}`;
    return { kind: "error", error: { name: "Error", code: "function_missing", message }, final: true };
  }
  const { method, content_type: contentType, body } = parsed.data;
  const sent = method.toUpperCase() === "GET" || method.toUpperCase() === "HEAD" ? "" : (body ?? "");
  const signingKey = options.signingKey();
  const result = await options.post({
    method: method.toUpperCase(),
    url: endpointUrl(parsed.data),
    body: sent,
    headers: {
      ...(contentType ? { "content-type": contentType } : {}),
      ...callHeaders(run, call),
      [headers.serverKind]: options.isDev() ? "dev" : "cloud",
      ...(disableImmediateExecution ? { [headers.forceStepPlan]: "true" } : {}),
      // that it is there, even empty, tells the endpoint that the platform asks
      [headers.signature]: signingKey === null ? "" : await sign(signingKey, sent, options.now()),
    },
  });
  return readReply(result, options.now(), run.http?.version ?? -1, runNow());
}
