import { REPLY_MAX_BYTES } from "../limits.ts";
import { SDKResponseStatus, type SDKResponse } from "./connect.ts";
import type { WorkerResult } from "./result.ts";

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
