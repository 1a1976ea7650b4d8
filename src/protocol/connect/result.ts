import { REPLY_MAX_BYTES } from "../limits.ts";
import { SDKResponseStatus, type SDKResponse } from "./connect.ts";

/** What became of a call that went to a worker: its answer, or why there is none. */
export type WorkerResult =
  | {
      kind: "answered";
      status: 200 | 206 | 500;
      body: string;
      noRetry: boolean;
      retryAfter: string | null;
      sdk: string;
      version: number;
    }
  | {
      kind: "failed";
      code:
        | "connect_no_healthy_connection"
        | "connect_all_workers_at_capacity"
        | "connect_worker_stopped_responding"
        | "output_too_large";
      message: string;
    };

const STATUS = {
  [SDKResponseStatus.NOT_COMPLETED]: 206,
  [SDKResponseStatus.DONE]: 200,
  [SDKResponseStatus.ERROR]: 500,
} as const;

/** A worker's answer, as an app would give it over HTTP. */
export function readResult(reply: SDKResponse): WorkerResult {
  const { status, body, noRetry, retryAfter, sdkVersion, requestVersion } = reply;
  if (body.byteLength > REPLY_MAX_BYTES)
    return {
      kind: "failed",
      code: "output_too_large",
      message: `the worker's reply is over the bound of ${REPLY_MAX_BYTES} bytes; store large results elsewhere and return references`,
    };
  return {
    kind: "answered",
    status: STATUS[status] ?? 500,
    body: new TextDecoder().decode(body),
    noRetry,
    retryAfter: retryAfter ?? null,
    sdk: sdkVersion,
    version: requestVersion,
  };
}
