import type { CallRequest, ConnectTransport, WorkerMessage } from "../durable-objects/transport.ts";
import type { Reply } from "../engine/run-machine.ts";
import type { WorkerResult } from "../protocol/connect/result.ts";
import { headers } from "../protocol/headers.ts";
import { callHeaders } from "./call-headers.ts";
import { callBody, tooLargeForGo } from "./http.ts";
import { readReply } from "./http-reply.ts";

/** Functions of workers that have dialled in: calls and replies are those of HTTP, in other envelopes (inngest-protocol §7.2). */
export class ConnectFunctions implements ConnectTransport {
  async message(request: CallRequest): Promise<WorkerMessage | Extract<Reply, { kind: "error" }>> {
    const { body, isApart } = callBody(request);
    if (isApart && (await request.sdk()).startsWith("go:")) return tooLargeForGo();
    const sent = callHeaders(request.run, request.call);
    return {
      kind: "message",
      body,
      jobId: sent[headers.jobId] ?? "",
      trace: { traceparent: sent[headers.traceParent] ?? "", tracestate: sent[headers.traceState] ?? "" },
    };
  }

  read(result: WorkerResult, { now, version, runNow }: { now: number; version: number; runNow: number }): Reply {
    if (result.kind === "failed") {
      const { code, message } = result;
      return { kind: "error", error: { name: "Error", code, message }, final: false, version };
    }
    const { status, body, noRetry, retryAfter, sdk } = result;
    const said = {
      [headers.sdk]: sdk,
      [headers.requestVersion]: String(result.version),
      [headers.noRetry]: String(noRetry), // TypeScript calls an error that is not to be retried done
      ...(retryAfter === null ? {} : { [headers.retryAfter]: retryAfter }),
    };
    return readReply({ kind: "answered", status, headers: said, body }, now, version, runNow);
  }
}
