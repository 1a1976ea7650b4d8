import { isNonRetriable, serializeError } from "../sdk/errors.ts";
import type { InngestFunction } from "../sdk/function.ts";
import type { Response } from "../sdk/middleware/base.ts";
import type { Chain } from "../sdk/middleware/chain.ts";
import type { RequestPlatform } from "../sdk/platform.ts";
import { headers } from "../protocol/headers.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Answer } from "./respond.ts";

export interface HookedCall {
  chain: Chain;
  fn: InngestFunction;
  runId: string;
  request: Request;
  /** text of the request's body */
  body: string;
  platform: RequestPlatform;
}

/** Answers a call inside the `wrapRequest` hooks of its middleware, which may answer in its place. */
export async function insideRequestHooks(call: HookedCall, answer: () => Promise<Answer>): Promise<Answer> {
  const { chain, fn, runId, request, body, platform } = call;
  if (!chain.has("wrapRequest")) return answer();
  const args = {
    fn,
    runId,
    requestArgs: [request, platform.env, { waitUntil: platform.waitUntil }],
    requestInfo: {
      method: request.method,
      url: new URL(request.url),
      headers: Object.fromEntries(request.headers),
      body: async () => JSON.parse(body) as JsonValue,
    },
  };
  try {
    const response = await chain.wrap("wrapRequest", args, async () => toResponse(await answer()));
    return { status: response.status, headers: response.headers, body: null, text: response.body };
  } catch (error) {
    return { status: 500, body: toJson(serializeError(error)), headers: retryHeader(error) };
  }
}

function toResponse({ status, body, headers: given = {} }: Answer): Response {
  const present = Object.entries(given).filter((header): header is [string, string] => header[1] !== undefined);
  return { status, body: JSON.stringify(body), headers: Object.fromEntries(present) };
}

function retryHeader(error: unknown): Record<string, string> {
  return { [headers.noRetry]: String(isNonRetriable(error)) };
}

function toJson(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value));
}
