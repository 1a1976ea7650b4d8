import type { CallRequest, HttpTransport } from "../durable-objects/transport.ts";
import type { Entry } from "../engine/run.ts";
import { attemptOf, type Reply } from "../engine/run-machine.ts";
import { deferEcho } from "../engine/run-defers.ts";
import { callRef } from "../protocol/call-ref.ts";
import type { GatewayRequest, GatewayResult } from "../protocol/gateway.ts";
import { headers } from "../protocol/headers.ts";
import { uuidOf } from "../protocol/ids.ts";
import { byteLength, type JsonValue } from "../protocol/json.ts";
import { CALL_BODY_MAX_BYTES } from "../protocol/limits.ts";
import { sign } from "../protocol/signature.ts";
import { callHeaders, generation, jobId } from "./call-headers.ts";
import { enterEndpoint } from "./endpoint.ts";
import { readReply } from "./http-reply.ts";
import type { Exchange } from "./gateway.ts";
import type { Post } from "./post.ts";

export interface HttpOptions {
  post: Post;
  /** makes the requests of steps */
  exchange: Exchange;
  /** null in dev mode: calls are not signed */
  signingKey: () => string | null;
  isDev: () => boolean;
  now: () => number;
}

/** Functions that live behind a URL: Inngest's protocol, version 2, whichever SDK answers. */
export class HttpFunctions implements HttpTransport {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  async call(request: CallRequest): Promise<Reply> {
    const { call, run, url, runNow } = request;
    if (run.endpoint) return enterEndpoint(request, this.#options);
    const stepId = call.stepId ?? "step";
    const { body, isApart } = callBody(request);
    if (isApart && (await request.sdk()).startsWith("go:")) return tooLargeForGo();
    const target = new URL(url);
    target.searchParams.set("stepId", stepId);
    const signingKey = this.#options.signingKey();
    const result = await this.#options.post({
      url: target.href,
      body,
      headers: {
        "content-type": "application/json",
        ...callHeaders(run, call),
        [headers.serverKind]: this.#options.isDev() ? "dev" : "cloud",
        ...(signingKey === null ? {} : { [headers.signature]: await sign(signingKey, body, this.#options.now()) }),
      },
    });
    return readReply(result, this.#options.now(), run.http?.version ?? -1, runNow());
  }

  gateway(request: GatewayRequest): Promise<GatewayResult> {
    return this.#options.exchange(request);
  }
}

/** Body of an execution call (inngest-protocol §3.1). Past the bound state stays here, to be fetched apart (`use_api`). */
export function callBody(request: CallRequest): { body: string; isApart: boolean } {
  const { call, run, events, entries, disableImmediateExecution } = request;
  const settled = entries.filter((entry) => entry.status.kind === "settled");
  const target = call.stepId === null ? undefined : entries.find((entry) => entry.id === call.stepId);
  const maxAttempts = (target?.retry ?? run.retry).maxAttempts;
  const stack = settled.map((entry) => entry.id);
  const write = (useApi: boolean) =>
    JSON.stringify({
      ctx: {
        fn_id: uuidOf(run.functionId),
        run_id: run.id,
        env: run.env,
        step_id: call.stepId ?? "step",
        attempt: call.stepId === null ? attemptOf(run) : call.attempt,
        max_attempts: maxAttempts,
        stack: { stack, current: stack.length },
        qi_id: callRef(run.id, call),
        request_id: callRef(run.id, call),
        generation_id: generation(call),
        job_id: jobId(run, call),
        disable_immediate_execution: disableImmediateExecution,
        use_api: useApi,
      },
      event: events[0]?.event,
      events: useApi ? [] : events.map((record) => record.event),
      steps: useApi ? {} : memos(settled),
      defers: deferEcho(run),
      version: run.http?.version ?? -1,
      use_api: useApi,
    });
  const body = write(false);
  return byteLength(body) <= CALL_BODY_MAX_BYTES ? { body, isApart: false } : { body: write(true), isApart: true };
}

/** Official Go clients have no way to fetch what a call leaves out. */
export function tooLargeForGo(): Extract<Reply, { kind: "error" }> {
  const message = `the run's events and step results are over ${CALL_BODY_MAX_BYTES} bytes, the bound of one call, and Go clients cannot fetch them apart; return references instead of large values`;
  return { kind: "error", error: { name: "Error", code: "call_too_large", message }, final: true };
}

/** Stored results by step, as calls carry them (inngest-protocol §3.6). */
export function memos(entries: Entry[]): Record<string, JsonValue> {
  const found: Record<string, JsonValue> = {};
  for (const entry of entries) if (entry.status.kind === "settled") found[entry.id] = entry.status.memo;
  return found;
}
