import { WorkerEntrypoint } from "cloudflare:workers";
import { exchange } from "./protocol/gateway-exchange.ts";
import type { GatewayRequest, GatewayResult } from "./protocol/gateway.ts";
import { REPLY_MAX_BYTES } from "./protocol/limits.ts";
import { allowedTargets } from "./transports/gateway.ts";
import type { PostRequest, PostResult } from "./transports/post.ts";

const REDIRECTS_MAX = 20;

/**
 * Makes one call to an app, in an invocation of its own: a run's object may have many calls under way, and an
 * invocation may hold only six connections that wait for headers (design §4).
 */
export class HttpCall extends WorkerEntrypoint {
  async post(request: PostRequest, timeoutMs: number): Promise<PostResult> {
    try {
      return await post(request, AbortSignal.timeout(timeoutMs));
    } catch (error) {
      if (isTimeout(error))
        return {
          kind: "failed",
          code: "unreachable",
          message: `the app did not answer within ${timeoutMs / 1000} s, the bound of one call; split the step into shorter ones`,
        };
      return {
        kind: "failed",
        code: "unreachable",
        message: `the app at ${new URL(request.url).origin} could not be reached: ${messageOf(error)}`,
      };
    }
  }

  /** Makes the request of a step (`transports/gateway.ts`). */
  async exchange(request: GatewayRequest, timeoutMs: number, isDev: boolean): Promise<GatewayResult> {
    const isAllowed = allowedTargets(isDev);
    return exchange(request, { fetch: (...asked) => fetch(...asked), isAllowed, timeoutMs });
  }
}

/** Follows redirects with method, body and query kept, as Inngest's server does (inngest-protocol §3.1). */
async function post({ method = "POST", url, headers, body }: PostRequest, signal: AbortSignal): Promise<PostResult> {
  let target = url;
  const sent = method === "GET" || method === "HEAD" ? {} : { body };
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await fetch(target, { method, headers, ...sent, signal, redirect: "manual" });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return await read(response);
    await response.body?.cancel();
    target = redirected(target, location);
  }
  return {
    kind: "failed",
    code: "unreachable",
    message: `the app redirected more than ${REDIRECTS_MAX} times, last to ${target}`,
  };
}

function redirected(from: string, location: string): string {
  const to = new URL(location, from);
  if (to.search === "") to.search = new URL(from).search;
  return to.href;
}

async function read(response: Response): Promise<PostResult> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > REPLY_MAX_BYTES)
        return {
          kind: "failed",
          code: "output_too_large",
          message: `the app's reply is over the bound of ${REPLY_MAX_BYTES} bytes; store large results elsewhere and return references`,
        };
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    if (isTimeout(error)) throw error;
    const message = `the app answered ${response.status} and broke off after ${size} bytes: ${messageOf(error)}`;
    return { kind: "failed", code: "unreachable", message };
  }
  return {
    kind: "answered",
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: text + decoder.decode(),
  };
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
