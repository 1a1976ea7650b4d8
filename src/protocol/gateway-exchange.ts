import { readText } from "./body.ts";
import { type GatewayRequest, type GatewayResult, tooLarge } from "./gateway.ts";
import { STEP_OUTPUT_MAX_BYTES } from "./limits.ts";

const REDIRECTS_MAX = 20;

/** Headers that another origin must not be sent, as browsers and Go's client have it. */
const OWN_TO_ORIGIN = ["authorization", "cookie", "proxy-authorization", "x-api-key", "api-key"];

export interface ExchangeOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Whether the URL may be asked: the first, and each that the answer leads to. */
  isAllowed: (url: URL) => boolean;
  timeoutMs: number;
}

/** Makes the request of a step, following redirects, and reads the answer as far as its bound. Never rejects. */
export async function exchange(request: GatewayRequest, options: ExchangeOptions): Promise<GatewayResult> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), options.timeoutMs);
  const { signal } = timeout;
  try {
    return await follow(request, options, signal);
  } catch (error) {
    const { origin } = new URL(request.url); // keys may be in the rest
    if (signal.aborted)
      return failed(
        "unreachable",
        `${origin} did not answer within ${options.timeoutMs / 1000} s, the bound of one request`,
      );
    return failed("unreachable", `${origin} could not be reached: ${messageOf(error)}`);
  } finally {
    clearTimeout(timer); // one that is left over would keep an object in memory
  }
}

async function follow(request: GatewayRequest, options: ExchangeOptions, signal: AbortSignal): Promise<GatewayResult> {
  let { method, body } = request;
  let headers = new Headers(request.headers);
  let target = new URL(request.url);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    if (!options.isAllowed(target))
      return failed(
        "target_refused",
        `${target.origin} is not a public address: the platform makes requests to such addresses in dev mode only; fetch it with \`step.run\` where it can be reached`,
      );
    const response = await options.fetch(target.href, { method, headers, body, signal, redirect: "manual" });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return read(response, target);
    await response.body?.cancel();
    const next = new URL(location, target);
    if (response.status === 303 || (method === "POST" && response.status < 303)) {
      if (method !== "HEAD") method = "GET";
      body = null;
      headers = without(headers, ["content-type", "content-encoding"]);
    }
    if (next.origin !== target.origin) headers = without(headers, OWN_TO_ORIGIN);
    target = next;
  }
  return failed("unreachable", `${new URL(request.url).origin} redirected more than ${REDIRECTS_MAX} times`);
}

async function read(response: Response, url: URL): Promise<GatewayResult> {
  // the length that headers promise may be that of a body which does not come: an answer to HEAD
  const body = await readText({ headers: new Headers(), body: response.body }, STEP_OUTPUT_MAX_BYTES);
  if (body === undefined) return failed("output_too_large", tooLarge("more bytes"));
  return {
    kind: "answered",
    url: url.href,
    status: response.status,
    headers: headersOf(response.headers),
    body,
  };
}

/** As Go writes them: `Content-Type`, values of one name joined. What was said of an encoding holds no longer. */
function headersOf(headers: Headers): Record<string, string> {
  const isDecoded = headers.has("content-encoding");
  const found: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (isDecoded && (name === "content-encoding" || name === "content-length")) continue;
    const key = name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
    found[key] = key in found ? `${found[key]},${value}` : value; // `set-cookie` comes one by one
  }
  return found;
}

function without(headers: Headers, names: string[]): Headers {
  const left = new Headers(headers);
  for (const name of names) left.delete(name);
  return left;
}

function failed(code: Extract<GatewayResult, { kind: "failed" }>["code"], message: string): GatewayResult {
  return { kind: "failed", code, message };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error; // Node's `fetch failed` says why there
  return cause instanceof Error && cause.message !== "" ? `${error.message}: ${cause.message}` : error.message;
}
